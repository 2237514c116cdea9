using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Platform.Hosting;

/// <summary>
/// A file that has no name, so that a killed process leaves nothing behind: what is too large for memory lies here on its way. Reads and writes are
/// positional, and can be done side by side. A full disk is an <see cref="IOException"/>.
/// </summary>
public sealed class SpoolFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <summary>Makes the file.</summary>
    /// <param name="folder">Created where it is missing.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public SpoolFile(string folder)
    {
        var path = Path.Combine(folder, $"spool-{Guid.NewGuid():n}");
        Directory.CreateDirectory(folder);
        _handle = File.OpenHandle(
            path,
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.Delete,
            FileOptions.DeleteOnClose
        );
        File.Delete(path);
    }

    /// <summary>Writes at a place: into the system's cache, so that handing it to another thread would cost more than it does.</summary>
    public ValueTask WriteAsync(
        ReadOnlyMemory<byte> data,
        long at,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        RandomAccess.Write(_handle, data.Span, at);
        return ValueTask.CompletedTask;
    }

    /// <summary>Opens a range for reading.</summary>
    public Stream OpenRead(long offset, long length) => new SpoolStream(_handle, offset, length);

    /// <summary>Opens the file for writing from <paramref name="offset"/> on.</summary>
    public SpoolOutputStream OpenWrite(long offset) => new(_handle, offset);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}

/// <summary>Writes to a spool file front to back, and tells the digest of what was written.</summary>
/// <param name="spool">The file; left open.</param>
/// <param name="offset">Where to begin, bytes.</param>
public sealed class SpoolOutputStream(SafeFileHandle spool, long offset) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _written;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <summary>Bytes written.</summary>
    public override long Length => _written;

    /// <inheritdoc/>
    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    /// <summary>SHA-256 of all that was written, in lower-case hexadecimal.</summary>
    public string Sha256() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        RandomAccess.Write(spool, buffer, offset + _written);
        _written += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush() { }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
