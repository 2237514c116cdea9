namespace Platform.Ingest;

/// <summary>Reads multipart bodies: what breaks while one is read is the sender's or the link's, and is answered as such.</summary>
internal static class MultipartBody
{
    /// <summary>Runs one read.</summary>
    /// <param name="read">Reads, and does nothing else that can fail in this way.</param>
    /// <param name="malformed">What is thrown where the body is malformed or ends early.</param>
    public static async Task<T> ReadAsync<T>(Func<Task<T>> read, Func<Exception> malformed)
    {
        try
        {
            return await read();
        }
        catch (Exception e)
            when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw malformed();
        }
    }
}
