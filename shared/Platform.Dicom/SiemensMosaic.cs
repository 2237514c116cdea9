using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// A Siemens mosaic: the slices of a volume as tiles of one image, row by row, the last ones empty. How many there are and their normal are told by the
/// vendor's header, CSA in its second form; the geometry is that of NiBabel's mosaic reader.
/// </summary>
internal static class SiemensMosaic
{
    private const int MostTags = 128;
    private const int TagBytes = 84;
    private const int ItemHeadBytes = 16;

    /// <summary>Whether an image is a mosaic.</summary>
    public static bool Is(DicomAttributes attributes) =>
        attributes.Text(DicomTag.ImageType).Split('\\').Any(word => word.Trim() == "MOSAIC");

    /// <summary>Where the slices of a mosaic lie, tile by tile.</summary>
    /// <param name="attributes">Of the image.</param>
    /// <param name="whole">As which the mosaic would be one slice.</param>
    /// <exception cref="VolumeException">UnsupportedFormat: the header does not say how many there are; BadGeometry; CorruptData.</exception>
    public static DicomSlice[] Slices(DicomAttributes attributes, DicomSlice whole)
    {
        var header = attributes.Bytes(DicomTag.SiemensHeader);
        var stated = Values(header, "NumberOfImagesInMosaic");
        var count = stated is [var first, ..] ? first : attributes.Count(DicomTag.MosaicImages);
        if (count is not (>= 1 and <= 4096))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "a Siemens mosaic whose header (0029,1010) or element (0019,100A) does not say how many slices it has: keep the vendor's private elements, or send an enhanced image"
            );
        }
        var slices = (int)count;
        var across = (int)Math.Ceiling(Math.Sqrt(slices));
        var (rows, columns) = (whole.Format.Rows / across, whole.Format.Columns / across);
        if (rows * across != whole.Format.Rows || columns * across != whole.Format.Columns)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"a mosaic of {slices} slices has {across}×{across} tiles, which do not divide {whole.Format.Rows}×{whole.Format.Columns} pixels"
            );
        }
        var increment = attributes.Decimals(
            DicomTag.SpacingBetweenSlices,
            "SpacingBetweenSlices",
            1
        )[0];
        // The position is that of the mosaic's corner, as if it lay around the middle of the first slice.
        var corner =
            whole.Position
            + 0.5 * (whole.Format.Columns - columns) * whole.Spacing.Columns * whole.AlongRow
            + 0.5 * (whole.Format.Rows - rows) * whole.Spacing.Rows * whole.AlongColumn;
        var normal = whole.AlongRow.Cross(whole.AlongColumn);
        if (
            Values(header, "SliceNormalVector") is [var x, var y, var z, ..]
            && new Vector(x, y, z).Dot(normal) < 0
        )
        {
            normal = -1 * normal;
        }
        var format = whole.Format with { Rows = rows, Columns = columns };
        return
        [
            .. Enumerable
                .Range(0, slices)
                .Select(n =>
                    whole with
                    {
                        Format = format,
                        Position = corner + n * increment * normal,
                        Corner = (n / across * rows, n % across * columns),
                    }
                ),
        ];
    }

    /// <summary>The numbers of one tag of the header; none where it has none, or is of another form.</summary>
    public static double[] Values(ReadOnlySpan<byte> header, string name)
    {
        if (header.Length < 16 || !header[..4].SequenceEqual("SV10"u8))
        {
            return [];
        }
        var tags = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(header[8..]), MostTags);
        var rest = header[16..];
        for (var n = 0; n < tags && rest.Length >= TagBytes; n++)
        {
            var isWanted = Text(rest[..64]) == name;
            var items = BinaryPrimitives.ReadUInt32LittleEndian(rest[76..]);
            rest = rest[TagBytes..];
            var values = new List<double>();
            for (var item = 0u; item < items && rest.Length >= ItemHeadBytes; item++)
            {
                var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
                rest = rest[ItemHeadBytes..];
                if (length > rest.Length)
                {
                    return [];
                }
                if (
                    isWanted
                    && double.TryParse(
                        Text(rest[..(int)length]),
                        CultureInfo.InvariantCulture,
                        out var value
                    )
                    && double.IsFinite(value)
                )
                {
                    values.Add(value);
                }
                // To the next multiple of four.
                rest = rest[(int)Math.Min(rest.Length, (length + 3L) & ~3L)..];
            }
            if (isWanted)
            {
                return [.. values];
            }
        }
        return [];
    }

    /// <summary>Up to the first zero, without spaces around it.</summary>
    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]).Trim();
    }
}
