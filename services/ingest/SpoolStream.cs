using Microsoft.Win32.SafeHandles;

namespace Platform.Ingest;

/// <summary>Reads one range of the spool file; positional reads, so ranges can be read side by side.</summary>
internal sealed class SpoolStream(SafeFileHandle spool, long offset, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => _position = value;
    }

    public override int Read(Span<byte> buffer)
    {
        var read = RandomAccess.Read(spool, buffer[..Left(buffer.Length)], offset + _position);
        _position += read;
        return read;
    }

    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer,
        CancellationToken cancellationToken = default
    )
    {
        var read = await RandomAccess.ReadAsync(
            spool,
            buffer[..Left(buffer.Length)],
            offset + _position,
            cancellationToken
        );
        _position += read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override Task<int> ReadAsync(
        byte[] buffer,
        int offset,
        int count,
        CancellationToken cancellationToken
    ) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) =>
        _position =
            offset
            + origin switch
            {
                SeekOrigin.Begin => 0,
                SeekOrigin.Current => _position,
                _ => length,
            };

    public override void Flush() { }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    private int Left(int wanted) => (int)Math.Min(wanted, Math.Max(0, length - _position));
}
