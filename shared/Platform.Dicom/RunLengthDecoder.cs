using System.Buffers.Binary;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Run-length decoding of one frame (PS3.5 annex G): a segment for each byte of a pixel, the most significant first, packed as by PackBits.
/// </summary>
internal static class RunLengthDecoder
{
    private const int HeaderBytes = 64;

    /// <summary>Decodes a frame.</summary>
    /// <param name="frame">Its bytes: a header of 64, then the segments.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="pixels">Filled row by row, little-endian.</param>
    /// <exception cref="VolumeException">CorruptData.</exception>
    public static void Decode(Stream frame, PixelFormat format, Span<byte> pixels)
    {
        var source = new LookaheadStream(frame);
        var header = source.Take(HeaderBytes);
        var segments = BinaryPrimitives.ReadUInt32LittleEndian(header);
        var bytes = format.BitsAllocated / 8;
        if (segments != bytes)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"a run-length encoded frame has {segments} segments where pixels of {format.BitsAllocated} bits need {bytes}"
            );
        }
        Span<uint> starts = stackalloc uint[bytes];
        for (var n = 0; n < bytes; n++)
        {
            starts[n] = BinaryPrimitives.ReadUInt32LittleEndian(header[(4 * (n + 1))..]);
        }
        for (var n = 0; n < bytes; n++)
        {
            if (starts[n] < source.Taken)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"segment {n + 1} of a run-length encoded frame starts at byte {starts[n]}, within what comes before it"
                );
            }
            source.Skip(starts[n] - source.Taken);
            DecodeSegment(source, pixels[..format.FrameBytes], bytes - 1 - n, bytes);
        }
    }

    /// <summary>Fills every <paramref name="step"/>th byte from <paramref name="first"/> on.</summary>
    private static void DecodeSegment(
        LookaheadStream source,
        Span<byte> pixels,
        int first,
        int step
    )
    {
        for (var at = first; at < pixels.Length; )
        {
            var control = (sbyte)source.Take(1)[0];
            if (control == sbyte.MinValue)
            {
                continue;
            }
            var count = Math.Abs((int)control) + 1;
            if (count > (pixels.Length - at + step - 1) / step)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    "a run of a run-length encoded frame goes beyond its last pixel"
                );
            }
            var values = source.Take(control < 0 ? 1 : count);
            for (var n = 0; n < count; n++, at += step)
            {
                pixels[at] = values[control < 0 ? 0 : n];
            }
        }
    }
}
