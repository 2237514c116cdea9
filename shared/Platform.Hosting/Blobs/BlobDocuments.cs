using System.Text.Json;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>JSON documents as blobs, written with <see cref="PlatformJson"/>.</summary>
public static class BlobDocuments
{
    /// <summary>Reads a document.</summary>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="JsonException">The blob is not a <typeparamref name="T"/>.</exception>
    public static async Task<T> ReadJsonAsync<T>(
        this IBlobStore blobs,
        string name,
        CancellationToken cancellationToken
    )
    {
        await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
        return await JsonSerializer.DeserializeAsync<T>(
                stream,
                PlatformJson.Options,
                cancellationToken
            ) ?? throw new JsonException($"'{name}' holds null");
    }

    /// <summary>Reads a document, or null where there is none.</summary>
    public static async Task<T?> FindJsonAsync<T>(
        this IBlobStore blobs,
        string name,
        CancellationToken cancellationToken
    )
        where T : class
    {
        try
        {
            return await blobs.ReadJsonAsync<T>(name, cancellationToken);
        }
        catch (BlobNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Creates a document once.</summary>
    /// <returns>False where the blob exists already.</returns>
    public static Task<bool> TryCreateJsonAsync<T>(
        this IBlobStore blobs,
        string name,
        T document,
        CancellationToken cancellationToken
    ) =>
        blobs.TryCreateAsync(
            name,
            (stream, token) =>
                JsonSerializer.SerializeAsync(stream, document, PlatformJson.Options, token),
            cancellationToken
        );
}
