using System.Buffers.Binary;
using System.Globalization;
using Platform.Imaging;
using Platform.Testing;

namespace System.Tests;

/// <summary>A synthetic head as DICOM slices, with a canary in every attribute that can hold text, nested, private and named by the standard.</summary>
internal static class PlantedStudy
{
    public const string Canary = "CANARY4711";
    public const string StudyUid = "1.2.826.0.1.4711987";

    /// <summary>What places the image and names the instance.</summary>
    private static readonly HashSet<uint> Needed =
    [
        0x0008_0005,
        0x0008_0016,
        0x0008_0018,
        0x0018_0050,
        0x0018_0088,
        0x0020_000D,
        0x0020_000E,
        0x0020_0032,
        0x0020_0037,
        0x0020_0052,
        0x0028_0002,
        0x0028_0004,
        0x0028_0008,
        0x0028_0010,
        0x0028_0011,
        0x0028_0030,
        0x0028_0100,
        0x0028_0101,
        0x0028_0102,
        0x0028_0103,
        0x0028_0301,
        0x0028_1052,
        0x0028_1053,
    ];

    /// <summary>The instances.</summary>
    public static IEnumerable<byte[]> Instances(Volume<float> head)
    {
        DicomElement[] planted = [.. Planted()];
        var (ni, nj, nk) = head.Geometry.Shape;
        var affine = head.Geometry.Affine;
        var (si, sj) = (head.Geometry.Spacing.I, head.Geometry.Spacing.J);
        double[] axes =
        [
            -affine[0] / si,
            -affine[4] / si,
            affine[8] / si,
            -affine[1] / sj,
            -affine[5] / sj,
            affine[9] / sj,
        ];
        for (var k = 0; k < nk; k++)
        {
            var (x, y, z) = head.Geometry.ToWorld(0, 0, k);
            var pixels = new byte[2 * ni * nj];
            for (var n = 0; n < ni * nj; n++)
            {
                BinaryPrimitives.WriteInt16LittleEndian(
                    pixels.AsSpan(2 * n),
                    (short)head.Voxels[k * ni * nj + n]
                );
            }
            yield return DicomElement.File(
                "1.2.840.10008.1.2.1",
                planted.Concat([
                    DicomElement.Text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.4"),
                    DicomElement.Text(0x0008_0018, "UI", $"{StudyUid}.1.{k}"),
                    DicomElement.Text(0x0020_000D, "UI", StudyUid),
                    DicomElement.Text(0x0020_000E, "UI", $"{StudyUid}.1"),
                    DicomElement.Text(0x0020_0032, "DS", Join(-x, -y, z)),
                    DicomElement.Text(0x0020_0037, "DS", Join(axes)),
                    DicomElement.Text(0x0020_0052, "UI", $"{StudyUid}.9"),
                    DicomElement.Short(0x0028_0002, 1),
                    DicomElement.Text(0x0028_0004, "CS", "MONOCHROME2"),
                    DicomElement.Short(0x0028_0010, nj),
                    DicomElement.Short(0x0028_0011, ni),
                    DicomElement.Text(0x0028_0030, "DS", Join(sj, si)),
                    DicomElement.Short(0x0028_0100, 16),
                    DicomElement.Short(0x0028_0101, 16),
                    DicomElement.Short(0x0028_0102, 15),
                    DicomElement.Short(0x0028_0103, 1),
                    DicomElement.Text(0x0028_0301, "CS", "NO"),
                    new(0x7FE0_0010, "OW", pixels),
                ])
            );
        }
    }

    /// <summary>The attributes are those of the de-identifier's own table, and such as no table names.</summary>
    private static IEnumerable<DicomElement> Planted()
    {
        var table = Path.Combine(
            FrontDoor.Root,
            "shared/Platform.Dicom/Deidentification/attributes.txt"
        );
        var named = new List<DicomElement>();
        foreach (var line in File.ReadLines(table))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var vr = words.Length > 1 ? words[1].Split('|', ',')[0] : "";
            if (
                DicomElement.TextRepresentations.Contains(vr)
                && vr != "UI"
                && uint.TryParse(
                    words[0].Replace(",", "", StringComparison.Ordinal),
                    NumberStyles.HexNumber,
                    CultureInfo.InvariantCulture,
                    out var tag
                )
                && tag >> 16 < 0x7FE0
                && !Needed.Contains(tag)
            )
            {
                named.Add(DicomElement.Text(tag, vr, Canary));
            }
        }
        Assert.True(named.Count > 800, $"{named.Count} attributes of text in {table}");
        DicomElement[] nested =
        [
            .. named.Where(e => e.Tag is 0x0008_0104 or 0x0010_0010 or 0x0010_0020 or 0x0040_A160),
        ];
        return
        [
            .. named,
            DicomElement.Text(0x0009_0010, "LO", Canary),
            DicomElement.Text(0x0009_1001, "LO", Canary),
            DicomElement.Sequence(0x0009_1002, nested),
            DicomElement.Sequence(0x0008_1140, nested),
            DicomElement.Text(0x0010_FFF0, "UT", Canary),
        ];
    }

    private static string Join(params double[] values) =>
        string.Join(
            '\\',
            values.Select(value => value.ToString("G10", CultureInfo.InvariantCulture))
        );
}
