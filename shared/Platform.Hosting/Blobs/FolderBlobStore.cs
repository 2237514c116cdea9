using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platform.Hosting;

/// <summary>
/// Blobs as files below a folder, safe across processes: a blob is written to a file of its own, flushed to the disk, then
/// given its name by a hard link, which fails where the name is taken.
/// </summary>
/// <param name="root">The folder; created where it is missing.</param>
public sealed partial class FolderBlobStore(string root) : IBlobStore
{
    private const int ReadBufferBytes = 1 << 17;

    /// <summary>What is written is large, or a small document, for which a buffer on the large object heap would cost more than writing it.</summary>
    private const int WriteBufferBytes = 1 << 14;
    private const int Eexist = 17;
    private const int ReadOnly = 0;

    private static readonly EnumerationOptions Exactly = new()
    {
        AttributesToSkip = 0,
        IgnoreInaccessible = false,
        MatchCasing = MatchCasing.CaseSensitive,
        MatchType = MatchType.Simple,
    };

    private readonly string _root = Directory.CreateDirectory(root).FullName;
    private readonly string _partial = Directory
        .CreateDirectory(Path.Combine(root, ".partial"))
        .FullName;

    /// <inheritdoc/>
    public async Task<bool> TryCreateAsync(
        string name,
        Func<Stream, CancellationToken, Task> write,
        CancellationToken cancellationToken
    )
    {
        var path = PathOf(name);
        if (File.Exists(path))
        {
            return false;
        }
        var partial = Path.Combine(_partial, Guid.NewGuid().ToString("n"));
        try
        {
            // Writes go into the system's cache: handing each to another thread would cost more than it does.
            await using (
                var file = new FileStream(
                    partial,
                    FileMode.CreateNew,
                    FileAccess.Write,
                    FileShare.None,
                    WriteBufferBytes
                )
            )
            {
                await write(file, cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                await file.FlushAsync(cancellationToken);
                file.Flush(flushToDisk: true);
            }
            return TryName(partial, path);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <inheritdoc/>
    public Task<Stream> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return Task.FromResult<Stream>(
                new FileStream(
                    PathOf(name),
                    FileMode.Open,
                    FileAccess.Read,
                    FileShare.Read | FileShare.Delete,
                    ReadBufferBytes,
                    FileOptions.Asynchronous | FileOptions.SequentialScan
                )
            );
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BlobNotFoundException(name);
        }
    }

    /// <inheritdoc/>
    public Task<bool> ExistsAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult(File.Exists(PathOf(name)));

    /// <inheritdoc/>
    public async IAsyncEnumerable<BlobEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await Task.CompletedTask;
        BlobName.SplitPrefix(prefix);
        // The deepest folder that the prefix names whole; what follows is the beginning of a name in it.
        var end = prefix.LastIndexOf('/') + 1;
        var folder = new DirectoryInfo(Path.Combine(_root, prefix[..end]));
        foreach (var entry in Walk(folder, prefix[..end], prefix[end..]))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return entry;
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            File.Delete(PathOf(name));
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing of that name.
        }
        return Task.CompletedTask;
    }

    private string PathOf(string name)
    {
        BlobName.Split(name);
        return Path.Combine(_root, name);
    }

    /// <summary>Files in ordinal order of their full names: a folder sorts as its name followed by '/'.</summary>
    private static IEnumerable<BlobEntry> Walk(DirectoryInfo folder, string name, string beginning)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = folder.GetFileSystemInfos($"{beginning}*", Exactly);
        }
        catch (DirectoryNotFoundException)
        {
            yield break;
        }
        var keyed = Array.ConvertAll(
            entries,
            e => (Key: name + e.Name + (e is DirectoryInfo ? "/" : ""), Entry: e)
        );
        Array.Sort(keyed, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        foreach (var (key, entry) in keyed)
        {
            if (entry is DirectoryInfo below)
            {
                foreach (var blob in Walk(below, key, ""))
                {
                    yield return blob;
                }
            }
            else if (entry is FileInfo { Exists: true } file)
            {
                yield return new(key, file.Length, file.LastWriteTimeUtc);
            }
        }
    }

    private static bool TryName(string partial, string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var existing = folder;
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!;
        }
        Directory.CreateDirectory(folder);
        if (OperatingSystem.IsWindows())
        {
            try
            {
                File.Move(partial, path, overwrite: false);
                return true;
            }
            catch (IOException) when (File.Exists(path))
            {
                return false;
            }
        }
        if (Link(partial, path) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error == Eexist
                ? false
                : throw new IOException(
                    $"a blob could not be given its name: {Marshal.GetPInvokeErrorMessage(error)}"
                );
        }
        // A name survives a power cut only once its folder is flushed, and so do the folders made for it.
        for (var made = folder; ; made = Path.GetDirectoryName(made)!)
        {
            Flush(made);
            if (made == existing)
            {
                return true;
            }
        }
    }

    private static void Flush(string folder)
    {
        var descriptor = Open(folder, ReadOnly);
        if (descriptor >= 0)
        {
            _ = Fsync(descriptor);
            _ = Close(descriptor);
        }
    }

    [LibraryImport(
        "libc",
        EntryPoint = "link",
        SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8
    )]
    private static partial int Link(string existing, string added);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
