using System.Buffers.Binary;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Encapsulated pixel data (PS3.5 annex A.4): an offset table, then fragments. Reads the bytes of one frame after another, without their item heads; a
/// frame ends as a stream does.
/// </summary>
internal sealed class EncapsulatedFrames : ForwardStream
{
    private const int HeadBytes = 8;

    private readonly LookaheadStream _source;
    private readonly PixelCoding _coding;
    private readonly int _count;
    private readonly uint[] _offsets;
    private readonly long _origin;
    private int _frame;
    private long _left;
    private bool _started;

    /// <summary>Reads the offset table.</summary>
    /// <param name="source">At the first item.</param>
    /// <param name="coding">Tells where a frame begins if the table is empty: JPEG begins with a marker, all else is one fragment a frame.</param>
    /// <param name="count">Frames of the image.</param>
    /// <exception cref="VolumeException">CorruptData.</exception>
    public EncapsulatedFrames(LookaheadStream source, PixelCoding coding, int count)
    {
        (_source, _coding, _count) = (source, coding, count);
        var length = TakeHead();
        if (length != 0 && length != 4L * count)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the offset table of {count} frames has {length} bytes"
            );
        }
        _offsets = length == 0 || count == 1 ? [] : new uint[count];
        for (var n = 0; n < length / 4; n++)
        {
            var offset = BinaryPrimitives.ReadUInt32LittleEndian(source.Take(4));
            if (_offsets.Length > 0)
            {
                _offsets[n] = offset;
            }
        }
        _origin = source.Taken;
    }

    /// <summary>Goes on to the next frame; what is left of this one is stepped over.</summary>
    /// <exception cref="VolumeException">CorruptData: there is none.</exception>
    public void Next()
    {
        if (_started)
        {
            do
            {
                _source.Skip(_left);
                _left = 0;
            } while (Continue());
            _frame++;
        }
        if (!AtItem())
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the pixel data has {_frame} of {_count} frames"
            );
        }
        _left = TakeHead();
        _started = true;
    }

    public override int Read(Span<byte> buffer)
    {
        while (_left == 0)
        {
            if (!Continue())
            {
                return 0;
            }
        }
        var got = _source.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (got == 0)
        {
            // A file that ends within a fragment.
            return 0;
        }
        _left -= got;
        return got;
    }

    /// <summary>Takes the head of the next fragment, if it belongs to the same frame.</summary>
    private bool Continue()
    {
        if (!AtItem() || BeginsFrame())
        {
            return false;
        }
        _left = TakeHead();
        return true;
    }

    private bool BeginsFrame()
    {
        if (_frame + 1 >= _count)
        {
            return false;
        }
        // Start of image; or start of codestream and size, which begin JPEG 2000.
        return _offsets.Length > 0
            ? _source.Taken - _origin >= _offsets[_frame + 1]
            : _coding is PixelCoding.RunLength or PixelCoding.Fragments
                || _source.Peek(HeadBytes + 4)[HeadBytes..]
                    is [0xFF, 0xD8, ..]
                        or [0xFF, 0x4F, 0xFF, 0x51];
    }

    private bool AtItem() =>
        _source.Peek(HeadBytes) is { Length: HeadBytes } head && Tag(head) == DicomTag.Item;

    private uint TakeHead()
    {
        var head = _source.Take(HeadBytes);
        var tag = Tag(head);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
        return tag == DicomTag.Item && length != DicomParser.Undefined
            ? length
            : throw new VolumeException(
                VolumeFault.CorruptData,
                $"encapsulated pixel data holds ({tag >> 16:X4},{tag & 0xFFFF:X4}) where a fragment of known length is due"
            );
    }

    private static uint Tag(ReadOnlySpan<byte> head) =>
        (uint)BinaryPrimitives.ReadUInt16LittleEndian(head) << 16
        | BinaryPrimitives.ReadUInt16LittleEndian(head[2..]);
}
