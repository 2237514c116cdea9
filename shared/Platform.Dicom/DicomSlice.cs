using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One single-frame greyscale image: where it lies and how its pixels are stored. Lengths in mm, directions in LPS.</summary>
internal sealed record DicomSlice
{
    private const long MostPixels = 1 << 26;

    public required string SeriesInstanceUid { get; init; }
    public required int Rows { get; init; }
    public required int Columns { get; init; }

    /// <summary>Between rows, then between columns.</summary>
    public required (double Rows, double Columns) Spacing { get; init; }

    /// <summary>Centre of the first pixel.</summary>
    public required Vector Position { get; init; }

    /// <summary>Direction in which the column index grows.</summary>
    public required Vector AlongRow { get; init; }

    /// <summary>Direction in which the row index grows.</summary>
    public required Vector AlongColumn { get; init; }

    public required double Slope { get; init; }
    public required double Intercept { get; init; }
    public required int BitsAllocated { get; init; }
    public required int BitsStored { get; init; }
    public required bool Signed { get; init; }

    public int PixelBytes => Rows * Columns * BitsAllocated / 8;

    /// <summary>Reads the attributes and leaves the stream at the first pixel.</summary>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static DicomSlice Read(Stream stream)
    {
        var parser = new DicomParser(stream);
        parser.Parse();
        var values = parser.Values;
        Supported(values, DicomTag.SamplesPerPixel, "SamplesPerPixel", 1, 1);
        Supported(values, DicomTag.NumberOfFrames, "NumberOfFrames", 1, 1);
        var allocated = Supported(values, DicomTag.BitsAllocated, "BitsAllocated", 8, 16);
        var stored = Supported(values, DicomTag.BitsStored, "BitsStored", allocated, allocated, 1);
        if (allocated is not (8 or 16))
        {
            throw Unsupported("BitsAllocated", allocated);
        }
        if (Whole(values, DicomTag.HighBit) is { } high && high != stored - 1)
        {
            throw Unsupported("HighBit", high);
        }
        var (rows, columns) = (
            Whole(values, DicomTag.Rows) ?? 0,
            Whole(values, DicomTag.Columns) ?? 0
        );
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
        var spacing = Decimals(values, DicomTag.PixelSpacing, "PixelSpacing", 2);
        var position = Decimals(values, DicomTag.ImagePosition, "ImagePositionPatient", 3);
        var axes = Decimals(values, DicomTag.ImageOrientation, "ImageOrientationPatient", 6);
        var slice = new DicomSlice
        {
            SeriesInstanceUid = Text(values, DicomTag.SeriesInstanceUid),
            Rows = rows,
            Columns = columns,
            Spacing = (spacing[0], spacing[1]),
            Position = new(position[0], position[1], position[2]),
            AlongRow = new(axes[0], axes[1], axes[2]),
            AlongColumn = new(axes[3], axes[4], axes[5]),
            Slope = values.ContainsKey(DicomTag.RescaleSlope)
                ? Decimals(values, DicomTag.RescaleSlope, "RescaleSlope", 1)[0]
                : 1,
            Intercept = values.ContainsKey(DicomTag.RescaleIntercept)
                ? Decimals(values, DicomTag.RescaleIntercept, "RescaleIntercept", 1)[0]
                : 0,
            BitsAllocated = allocated,
            BitsStored = stored,
            Signed = Whole(values, DicomTag.PixelRepresentation) == 1,
        };
        if (parser.PixelBytes is not { } bytes || bytes < slice.PixelBytes)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"{rows}×{columns} pixels of {allocated} bits need {slice.PixelBytes} bytes, the file states {parser.PixelBytes ?? 0}"
            );
        }
        return slice;
    }

    /// <summary>Reads pixels from where <see cref="Read"/> left the stream: sign-extended from BitsStored, slope and intercept applied.</summary>
    /// <exception cref="VolumeException">CorruptData: fewer bytes than stated.</exception>
    public void ReadPixels(Stream stream, Span<float> target, byte[] buffer)
    {
        var bytes = buffer.AsSpan(0, PixelBytes);
        var got = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (got < bytes.Length)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the pixel data ends after {got} of {bytes.Length} bytes"
            );
        }
        var (slope, intercept) = ((float)Slope, (float)Intercept);
        // Bits above BitsStored (overlays in old files) are shifted out; the shift back extends the sign or fills with zeros.
        var shift = 32 - BitsStored;
        if (BitsAllocated == 8)
        {
            for (var n = 0; n < target.Length; n++)
            {
                target[n] = Value(bytes[n]);
            }
            return;
        }
        var stored = MemoryMarshal.Cast<byte, ushort>(bytes);
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(stored, stored);
        }
        for (var n = 0; n < target.Length; n++)
        {
            target[n] = Value(stored[n]);
        }

        float Value(int raw)
        {
            var value = Signed ? raw << shift >> shift : (int)((uint)(raw << shift) >> shift);
            return value * slope + intercept;
        }
    }

    private static int Supported(
        Dictionary<uint, byte[]> values,
        uint tag,
        string name,
        int absent,
        int most,
        int least = 1
    )
    {
        var value = Whole(values, tag) ?? absent;
        return value >= least && value <= most ? value : throw Unsupported(name, value);
    }

    private static VolumeException Unsupported(string name, int value) =>
        new(
            VolumeFault.UnsupportedFormat,
            $"{name} is {value}: single-frame greyscale images of 8 or 16 bits are read"
        );

    /// <summary>A US of two bytes, or an IS of digits.</summary>
    private static int? Whole(Dictionary<uint, byte[]> values, uint tag)
    {
        if (!values.TryGetValue(tag, out var bytes) || bytes.Length == 0)
        {
            return null;
        }
        if (tag != DicomTag.NumberOfFrames && bytes.Length == 2)
        {
            return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        }
        return int.TryParse(Text(values, tag), CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new VolumeException(
                VolumeFault.CorruptData,
                $"element ({tag >> 16:X4},{tag & 0xFFFF:X4}) is not a whole number"
            );
    }

    private static double[] Decimals(
        Dictionary<uint, byte[]> values,
        uint tag,
        string name,
        int count
    )
    {
        var words = values.ContainsKey(tag) ? Text(values, tag).Split('\\') : [];
        var numbers = new double[count];
        if (words.Length < count)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"{name} has {words.Length} values where {count} are needed"
            );
        }
        for (var n = 0; n < count; n++)
        {
            if (
                !double.TryParse(words[n].Trim(), CultureInfo.InvariantCulture, out numbers[n])
                || !double.IsFinite(numbers[n])
            )
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"value {n + 1} of {name} is not a number"
                );
            }
        }
        return numbers;
    }

    private static string Text(Dictionary<uint, byte[]> values, uint tag) =>
        values.TryGetValue(tag, out var bytes)
            ? Encoding.ASCII.GetString(bytes).Trim('\0', ' ')
            : "";
}

/// <summary>A direction or position, mm.</summary>
internal readonly record struct Vector(double X, double Y, double Z)
{
    public double Length => Math.Sqrt(Dot(this));

    public double Dot(Vector o) => X * o.X + Y * o.Y + Z * o.Z;

    public Vector Cross(Vector o) => new(Y * o.Z - Z * o.Y, Z * o.X - X * o.Z, X * o.Y - Y * o.X);

    public static Vector operator -(Vector a, Vector b) => new(a.X - b.X, a.Y - b.Y, a.Z - b.Z);

    public static Vector operator +(Vector a, Vector b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z);

    public static Vector operator *(double s, Vector a) => new(s * a.X, s * a.Y, s * a.Z);
}
