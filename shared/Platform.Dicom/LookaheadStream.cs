using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A stream whose next bytes can be seen before they are taken. The stream below is left open, further on than what was taken.</summary>
internal sealed class LookaheadStream(Stream inner) : ForwardStream
{
    private readonly byte[] _buffer = new byte[1 << 12];
    private int _start;
    private int _end;

    /// <summary>Bytes taken so far.</summary>
    public long Taken { get; private set; }

    /// <summary>Bytes still to come, at most; null where the stream below does not tell.</summary>
    public long? Left =>
        inner is InflatedStream inflated ? inflated.Left + _end - _start
        : inner.CanSeek ? inner.Length - inner.Position + _end - _start
        : null;

    /// <summary>Where in the stream below the next bytes lie; null where that cannot be sought.</summary>
    public long? Offset => inner.CanSeek ? inner.Position - (_end - _start) : null;

    /// <summary>The next bytes, fewer where the stream ends; valid until the next call.</summary>
    /// <param name="count">At most 4096.</param>
    public ReadOnlySpan<byte> Peek(int count)
    {
        if (_end - _start < count)
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
            _end += inner.ReadAtLeast(
                _buffer.AsSpan(_end),
                count - _end,
                throwOnEndOfStream: false
            );
        }
        return _buffer.AsSpan(_start, Math.Min(count, _end - _start));
    }

    /// <summary>Takes the next bytes; valid until the next call.</summary>
    /// <param name="count">At most 4096.</param>
    /// <exception cref="VolumeException">CorruptData: the stream ends.</exception>
    public ReadOnlySpan<byte> Take(int count)
    {
        var bytes = Peek(count);
        if (bytes.Length < count)
        {
            throw Truncated();
        }
        _start += count;
        Taken += count;
        return bytes;
    }

    /// <summary>Steps over bytes without reading them, where the stream below can.</summary>
    /// <exception cref="VolumeException">CorruptData: the stream ends.</exception>
    public void Skip(long count)
    {
        var buffered = (int)Math.Min(count, _end - _start);
        _start += buffered;
        Taken += buffered;
        count -= buffered;
        if (inner.CanSeek)
        {
            if (count > inner.Length - inner.Position)
            {
                throw Truncated();
            }
            inner.Position += count;
            Taken += count;
            return;
        }
        while (count > 0)
        {
            var part = (int)Math.Min(count, _buffer.Length);
            Take(part);
            count -= part;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        if (_start == _end && buffer.Length < _buffer.Length)
        {
            Peek(1);
        }
        var got = Math.Min(buffer.Length, _end - _start);
        if (got > 0)
        {
            _buffer.AsSpan(_start, got).CopyTo(buffer);
            _start += got;
        }
        else
        {
            got = inner.Read(buffer);
        }
        Taken += got;
        return got;
    }

    private static VolumeException Truncated() =>
        new(VolumeFault.CorruptData, "the DICOM file ends within an element: it is truncated");
}
