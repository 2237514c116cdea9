using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Dicom;

/// <summary>
/// Writes native pixel data of one bit a pixel (PS3.5 section 8.1.1): the first pixel in the least significant bit, frames one after the other
/// without a gap, so that a frame may begin within a byte. Holds one packed frame.
/// </summary>
public sealed class BinaryFrames(Stream stream)
{
    private const int Word = 32;

    private byte[] _packed = [];

    /// <summary>Bits that do not fill a word yet, fewer than 32.</summary>
    private ulong _pending;
    private int _count;

    /// <summary>Bytes of the pixel data of so many pixels, all frames together: even.</summary>
    public static long Length(long pixels) => (pixels + 15) / 16 * 2;

    /// <summary>Writes a frame: 1 where a pixel is <paramref name="label"/>, 0 elsewhere.</summary>
    /// <param name="labels">Row by row.</param>
    /// <param name="label">The label.</param>
    public void Write(ReadOnlySpan<byte> labels, byte label)
    {
        var most = (labels.Length / Word + 1) * sizeof(uint);
        if (_packed.Length < most)
        {
            _packed = new byte[most];
        }
        var (pixel, packed) = (0, 0);
        var wanted = Vector256.Create(label);
        foreach (var pixels in MemoryMarshal.Cast<byte, Vector256<byte>>(labels))
        {
            _pending |=
                (ulong)Vector256.Equals(pixels, wanted).ExtractMostSignificantBits() << _count;
            Take(ref packed);
            pixel += Word;
        }
        for (; pixel < labels.Length; pixel++)
        {
            if (labels[pixel] == label)
            {
                _pending |= 1UL << _count;
            }
            if (++_count == Word)
            {
                Take(ref packed);
                _count = 0;
            }
        }
        stream.Write(_packed.AsSpan(0, packed));
    }

    /// <summary>Writes what is left of the last frame, padded with zeros to an even length.</summary>
    public void Complete()
    {
        Span<byte> rest = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(rest, (uint)_pending);
        stream.Write(rest[..(int)Length(_count)]);
        (_pending, _count) = (0, 0);
    }

    private void Take(ref int packed)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_packed.AsSpan(packed), (uint)_pending);
        _pending >>= Word;
        packed += sizeof(uint);
    }
}
