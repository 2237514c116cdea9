using System.Globalization;
using System.Text;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// The header that Siemens scanners put in a private element (CSA in its second form), made anew from those of its numbers that place slices and weigh
/// diffusion; nothing else of it is copied.
/// </summary>
internal static class SiemensHeader
{
    /// <summary>Who reserves the block.</summary>
    public const string Creator = "SIEMENS CSA HEADER";

    /// <summary>Value representation of the element.</summary>
    public const string Vr = "OB";

    private const int Marker = 77;
    private const int NameBytes = 64;

    private static readonly string[] Numbers =
    [
        "NumberOfImagesInMosaic",
        "SliceNormalVector",
        "B_value",
        "DiffusionGradientDirection",
        "B_matrix",
        "BandwidthPerPixelPhaseEncode",
        "PhaseEncodingDirectionPositive",
        "MosaicRefAcqTimes",
    ];

    /// <summary>The header with its numbers alone; null where it has none of them.</summary>
    public static byte[]? NumbersOf(ReadOnlySpan<byte> header)
    {
        var tags = new List<(string Name, double[] Values)>();
        foreach (var name in Numbers)
        {
            if (SiemensMosaic.Values(header, name) is { Length: > 0 } values)
            {
                tags.Add((name, values));
            }
        }
        if (tags.Count == 0)
        {
            return null;
        }
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write("SV10"u8);
        writer.Write(0x01020304);
        writer.Write(tags.Count);
        writer.Write(Marker);
        foreach (var (name, values) in tags)
        {
            Write(writer, name, NameBytes);
            writer.Write(values.Length);
            writer.Write("FD\0\0"u8);
            writer.Write(4);
            writer.Write(values.Length);
            writer.Write(Marker);
            foreach (var value in values)
            {
                var text = value.ToString("R", CultureInfo.InvariantCulture);
                var length = text.Length + 1;
                writer.Write(length);
                writer.Write(length);
                writer.Write(Marker);
                writer.Write(length);
                Write(writer, text, (length + 3) & ~3);
            }
        }
        return bytes.ToArray();
    }

    private static void Write(BinaryWriter writer, string text, int length)
    {
        var padded = new byte[length];
        Encoding.ASCII.GetBytes(text, padded);
        writer.Write(padded);
    }
}
