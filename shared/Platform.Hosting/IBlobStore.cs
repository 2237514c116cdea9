namespace Platform.Hosting;

/// <summary>
/// Blobs by name; the first segment of a name is the container (the tenant, or "models", "references").
/// Written once: a name's content never changes, so readers need no locks and a redelivered message finds its work done.
/// Two implementations: Azure Blob Storage and a folder.
/// </summary>
public interface IBlobStore
{
    /// <summary>Creates a blob from what <paramref name="write"/> writes. It appears whole or not at all, and only if the name is free.</summary>
    /// <returns>False where the blob exists already (whoever wrote it); the bytes written are then dropped.</returns>
    Task<bool> TryCreateAsync(
        string name,
        Func<Stream, CancellationToken, Task> write,
        CancellationToken cancellationToken
    );

    /// <summary>Opens a blob for reading from its start.</summary>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    Task<Stream> OpenReadAsync(string name, CancellationToken cancellationToken);

    /// <summary>Whether the blob exists.</summary>
    Task<bool> ExistsAsync(string name, CancellationToken cancellationToken);

    /// <summary>Names that start with <paramref name="prefix"/>, in ordinal order. A prefix names at least the whole container.</summary>
    IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Deletes a blob; no error where there is none. Used for markers only.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken);
}

/// <summary>A blob in a listing.</summary>
public readonly record struct BlobEntry(string Name, long Bytes, DateTimeOffset LastModified);

/// <summary>No blob of that name.</summary>
public sealed class BlobNotFoundException(string name) : Exception($"no blob '{name}'")
{
    /// <summary>The name asked for.</summary>
    public string Name { get; } = name;
}
