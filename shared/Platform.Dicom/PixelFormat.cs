using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Platform.Imaging;
using Lanes = System.Numerics.Vector;

namespace Platform.Dicom;

/// <summary>How the greyscale pixels of an image are stored (PS3.3 section C.7.6.3).</summary>
internal sealed record PixelFormat
{
    private const long MostPixels = 1 << 26;

    public required int Rows { get; init; }
    public required int Columns { get; init; }

    /// <summary>8 or 16.</summary>
    public required int BitsAllocated { get; init; }
    public required int BitsStored { get; init; }

    /// <summary>Place of the uppermost stored bit, 0 the lowest.</summary>
    public required int HighBit { get; init; }
    public required bool Signed { get; init; }

    /// <summary>Stored values from the one to the other stand for no measurement (PS3.3 section C.7.5.1.1.2).</summary>
    public required (int Least, int Most)? Padding { get; init; }

    public int Pixels => Rows * Columns;

    /// <summary>Bytes of one frame, uncompressed.</summary>
    public int FrameBytes => Pixels * BitsAllocated / 8;

    /// <exception cref="VolumeException">UnsupportedFormat, CorruptData or TooLarge.</exception>
    public static PixelFormat Read(DicomAttributes attributes)
    {
        var samples = attributes.Unsigned(DicomTag.SamplesPerPixel) ?? 1;
        if (samples != 1)
        {
            throw Unsupported("SamplesPerPixel", samples);
        }
        var photometric = attributes.Text(DicomTag.PhotometricInterpretation);
        if (photometric is not ("" or "MONOCHROME1" or "MONOCHROME2"))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "PhotometricInterpretation is neither MONOCHROME1 nor MONOCHROME2: greyscale images are read"
            );
        }
        var allocated = attributes.Unsigned(DicomTag.BitsAllocated) ?? 0;
        if (allocated is not (8 or 16))
        {
            throw Unsupported("BitsAllocated", allocated);
        }
        var stored = attributes.Unsigned(DicomTag.BitsStored) ?? allocated;
        if (stored < 1 || stored > allocated)
        {
            throw Unsupported("BitsStored", stored);
        }
        var high = attributes.Unsigned(DicomTag.HighBit) ?? stored - 1;
        if (high < stored - 1 || high >= allocated)
        {
            throw Unsupported("HighBit", high);
        }
        var rows = attributes.Unsigned(DicomTag.Rows) ?? 0;
        var columns = attributes.Unsigned(DicomTag.Columns) ?? 0;
        if (rows < 1 || columns < 1)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the image has {rows} rows and {columns} columns"
            );
        }
        if ((long)rows * columns > MostPixels)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the image has {rows}×{columns} pixels, the limit is {MostPixels}"
            );
        }
        var signed = attributes.Unsigned(DicomTag.PixelRepresentation) == 1;
        return new PixelFormat
        {
            Rows = rows,
            Columns = columns,
            BitsAllocated = allocated,
            BitsStored = stored,
            HighBit = high,
            Signed = signed,
            Padding = ReadPadding(attributes, signed),
        };
    }

    /// <summary>
    /// Values of one frame: the stored bits with their sign, times slope, plus intercept. Padding becomes NaN, to be replaced once the lowest real value
    /// is known.
    /// </summary>
    /// <param name="frame">Pixels row by row, little-endian.</param>
    /// <param name="slope">Real values a stored one.</param>
    /// <param name="intercept">The real value of a stored 0.</param>
    /// <param name="values">One for each pixel.</param>
    public void ToValues(ReadOnlySpan<byte> frame, float slope, float intercept, Span<float> values)
    {
        // Bits beside the stored ones (overlays in old files) are shifted out; the shift back extends the sign or fills with zeros.
        var (up, down) = (31 - HighBit, 32 - BitsStored);
        var (least, most) = Padding ?? (int.MaxValue, int.MinValue);
        if (BitsAllocated == 8)
        {
            for (var n = 0; n < values.Length; n++)
            {
                values[n] = Value(frame[n]);
            }
            return;
        }
        for (var n = ToValuesInVectors(frame, slope, intercept, values); n < values.Length; n++)
        {
            values[n] = Value(BinaryPrimitives.ReadUInt16LittleEndian(frame.Slice(2 * n, 2)));
        }

        float Value(int raw)
        {
            var stored = Signed ? raw << up >> down : (int)((uint)(raw << up) >> down);
            return stored >= least && stored <= most ? float.NaN : stored * slope + intercept;
        }
    }

    /// <summary>The same for pixels of 16 bits, many at a time, to the last bit.</summary>
    /// <returns>How many values were made: those that are left fill no vector.</returns>
    private int ToValuesInVectors(
        ReadOnlySpan<byte> frame,
        float slope,
        float intercept,
        Span<float> values
    )
    {
        if (!BitConverter.IsLittleEndian)
        {
            return 0;
        }
        var stored = MemoryMarshal.Cast<byte, ushort>(frame)[..values.Length];
        var (slopes, intercepts) = (new Vector<float>(slope), new Vector<float>(intercept));
        var step = Vector<ushort>.Count;
        var n = 0;
        for (; n <= values.Length - step; n += step)
        {
            Lanes.Widen(new Vector<ushort>(stored[n..]), out var low, out var high);
            Values(low).CopyTo(values[n..]);
            Values(high).CopyTo(values[(n + step / 2)..]);
        }
        return n;

        Vector<float> Values(Vector<uint> raw)
        {
            var (up, down) = (31 - HighBit, 32 - BitsStored);
            var shifted = Lanes.ShiftLeft(raw, up);
            var whole = Signed
                ? Lanes.ShiftRightArithmetic(shifted.As<uint, int>(), down)
                : Lanes.ShiftRightLogical(shifted, down).As<uint, int>();
            var real = Lanes.ConvertToSingle(whole) * slopes + intercepts;
            return Padding is not { } padding
                ? real
                : Lanes.ConditionalSelect(
                    Lanes.GreaterThanOrEqual(whole, new Vector<int>(padding.Least))
                        & Lanes.LessThanOrEqual(whole, new Vector<int>(padding.Most)),
                    new Vector<float>(float.NaN),
                    real
                );
        }
    }

    private static (int Least, int Most)? ReadPadding(DicomAttributes attributes, bool signed)
    {
        if (attributes.Unsigned(DicomTag.PixelPaddingValue) is not { } stated)
        {
            return null;
        }
        var value = Signed(stated);
        var limit = Signed(attributes.Unsigned(DicomTag.PixelPaddingRangeLimit) ?? stated);
        return (Math.Min(value, limit), Math.Max(value, limit));

        int Signed(int word) => signed ? (short)word : word;
    }

    private static VolumeException Unsupported(string name, int value) =>
        new(
            VolumeFault.UnsupportedFormat,
            $"{name} is {value}: greyscale images of 8 or 16 bits are read"
        );
}
