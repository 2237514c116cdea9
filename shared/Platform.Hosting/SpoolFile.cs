using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Platform.Hosting;

/// <summary>
/// What is too large for memory lies here on its way: a file that has no name, so that a killed process leaves nothing behind. What turns out to be small
/// may stay in memory. Reads and writes are positional, and can be done side by side. A full disk is an <see cref="IOException"/>.
/// </summary>
public sealed class SpoolFile : IDisposable
{
    private readonly string _folder;
    private readonly Lock _gate = new();
    private byte[]? _memory;
    private int _filled;
    private volatile SafeFileHandle? _handle;

    /// <summary>Makes the file, or puts that off.</summary>
    /// <param name="folder">Created where it is missing.</param>
    /// <param name="bytesInMemory">Up to so many bytes are kept in memory: making and deleting a file costs more than small contents.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public SpoolFile(string folder, int bytesInMemory = 0)
    {
        _folder = folder;
        if (bytesInMemory > 0)
        {
            _memory = ArrayPool<byte>.Shared.Rent(bytesInMemory);
        }
        else
        {
            _handle = Create(folder);
        }
    }

    /// <summary>Writes at a place: into the system's cache, so that handing it to another thread would cost more than it does.</summary>
    public ValueTask WriteAsync(
        ReadOnlyMemory<byte> data,
        long at,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(data.Span, at);
        return ValueTask.CompletedTask;
    }

    /// <summary>Opens a range for reading.</summary>
    public Stream OpenRead(long offset, long length) => new SpoolStream(this, offset, length);

    /// <summary>Opens the file for writing from <paramref name="offset"/> on.</summary>
    public SpoolOutputStream OpenWrite(long offset) => new(this, offset);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _handle?.Dispose();
            Forget();
        }
    }

    internal void Write(ReadOnlySpan<byte> data, long at)
    {
        if (_handle is null && TryKeep(data, at))
        {
            return;
        }
        RandomAccess.Write(_handle!, data, at);
    }

    internal int Read(Span<byte> buffer, long at)
    {
        if (_handle is null)
        {
            lock (_gate)
            {
                if (_memory is not null)
                {
                    var count = (int)Math.Clamp(_filled - at, 0, buffer.Length);
                    _memory.AsSpan((int)Math.Min(at, _filled), count).CopyTo(buffer);
                    return count;
                }
            }
        }
        return RandomAccess.Read(_handle!, buffer, at);
    }

    /// <summary>Puts it in memory; where it does not fit there, moves all that is into a file.</summary>
    private bool TryKeep(ReadOnlySpan<byte> data, long at)
    {
        lock (_gate)
        {
            if (_memory is null)
            {
                return false;
            }
            if (at + data.Length <= _memory.Length)
            {
                data.CopyTo(_memory.AsSpan((int)at));
                _filled = Math.Max(_filled, (int)at + data.Length);
                return true;
            }
            var handle = Create(_folder);
            RandomAccess.Write(handle, _memory.AsSpan(0, _filled), 0);
            _handle = handle;
            Forget();
            return false;
        }
    }

    private void Forget()
    {
        if (_memory is { } memory)
        {
            _memory = null;
            ArrayPool<byte>.Shared.Return(memory);
        }
    }

    private static SafeFileHandle Create(string folder)
    {
        var path = Path.Combine(folder, $"spool-{Guid.NewGuid():n}");
        Directory.CreateDirectory(folder);
        var handle = File.OpenHandle(
            path,
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.Delete,
            FileOptions.DeleteOnClose
        );
        File.Delete(path);
        return handle;
    }
}

/// <summary>Writes to a spool file front to back, and tells the digest of what was written.</summary>
/// <param name="spool">The file; left open.</param>
/// <param name="offset">Where to begin, bytes.</param>
public sealed class SpoolOutputStream(SpoolFile spool, long offset) : Stream
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
        spool.Write(buffer, offset + _written);
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
