using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>Bytes, markers and bits of a JPEG stream (ITU-T T.81 annex B and section F.2.2.5).</summary>
internal sealed class JpegBits(Stream stream)
{
    private readonly byte[] _buffer = new byte[1 << 13];
    private int _next;
    private int _end;

    /// <summary>Uppermost bit first; below the counted ones zeros.</summary>
    private ulong _bits;
    private int _count;

    /// <summary>A marker met among the coded bits, which end there; 0 before.</summary>
    private int _marker;

    /// <exception cref="VolumeException">CorruptData: the data end.</exception>
    public byte Byte() =>
        TryByte() is var value and >= 0
            ? (byte)value
            : throw new VolumeException(
                VolumeFault.CorruptData,
                "the JPEG data of a frame end before its last pixel"
            );

    /// <exception cref="VolumeException">CorruptData: the data end.</exception>
    public int Word() => Byte() << 8 | Byte();

    /// <summary>The second byte of the next marker; between segments, or where coded bits end, of which the rest is dropped.</summary>
    /// <exception cref="VolumeException">CorruptData: something else comes.</exception>
    public int Marker()
    {
        (_bits, _count) = (0, 0);
        var marker = _marker;
        _marker = 0;
        if (marker != 0)
        {
            return marker;
        }
        if (Byte() != 0xFF)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the JPEG data of a frame hold something else where a marker is due"
            );
        }
        do
        {
            marker = Byte();
        } while (marker == 0xFF);
        return marker;
    }

    /// <summary>Makes at least 32 bits ready, or all there are.</summary>
    public void Fill()
    {
        while (_count <= 56 && _marker == 0)
        {
            var value = TryByte();
            if (value == 0xFF)
            {
                do
                {
                    value = TryByte();
                } while (value == 0xFF);
                if (value > 0)
                {
                    _marker = value;
                    return;
                }
                // A stuffed zero stands for the byte before it; the end of the data for none.
                value = value == 0 ? 0xFF : -1;
            }
            if (value < 0)
            {
                return;
            }
            _bits |= (ulong)value << (56 - _count);
            _count += 8;
        }
    }

    /// <summary>Whether fewer than 32 bits are ready.</summary>
    public bool RunsLow => _count < 32;

    /// <summary>The next 16 bits, zeros after the last.</summary>
    public int Peek16() => (int)(_bits >> 48);

    /// <summary>Takes bits that are ready.</summary>
    /// <param name="count">1 to 16.</param>
    /// <exception cref="VolumeException">CorruptData: the data end.</exception>
    public int Take(int count)
    {
        if (count > _count)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the JPEG data of a frame end before its last pixel"
            );
        }
        var value = (int)(_bits >> (64 - count));
        _bits <<= count;
        _count -= count;
        return value;
    }

    private int TryByte()
    {
        if (_next == _end)
        {
            (_next, _end) = (0, stream.Read(_buffer));
            if (_end == 0)
            {
                return -1;
            }
        }
        return _buffer[_next++];
    }
}
