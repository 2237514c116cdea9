using System.Globalization;
using Platform.Dicom;

namespace System.Tests;

/// <summary>A generated MR study of a named patient: a bright ball in a dark box, one file a slice.</summary>
internal static class NamedStudy
{
    public const string FamilyName = "Quellmalz";
    public const string PatientName = $"{FamilyName}^Ottilie";
    public const string PatientId = "MRN-4711-0815";
    public const string AccessionNumber = "ACC-90210";
    public const string StudyInstanceUid = "1.2.826.0.1.3680043.9.7133.1";
    public const string SeriesInstanceUid = $"{StudyInstanceUid}.1";
    public const int Slices = 24;
    private const int Size = 32;
    private const double SpacingMm = 2;

    /// <summary>What names the patient or the study, and must be nowhere beyond the wall.</summary>
    public static IReadOnlyList<string> Identity { get; } =
    [FamilyName, "Ottilie", PatientId, AccessionNumber, "Wadenstrumpf", StudyInstanceUid];

    public static string SopInstanceUid(int slice) => $"{SeriesInstanceUid}.{slice}";

    /// <summary>Writes slices of the study.</summary>
    /// <param name="folder">Where to; made.</param>
    /// <param name="slices">Which, from 1.</param>
    public static void Write(string folder, params IEnumerable<int> slices)
    {
        Directory.CreateDirectory(folder);
        foreach (var slice in slices)
        {
            using var file = File.Create(Path.Combine(folder, $"{slice:d3}.dcm"));
            Slice(slice).WriteFile(file);
        }
    }

    private static DicomDataset Slice(int slice) =>
        new DicomDataset()
            .Add(0x0008_0008, "CS", "ORIGINAL", "PRIMARY", "M")
            .Add(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.4")
            .Add(0x0008_0018, "UI", SopInstanceUid(slice))
            .Add(0x0008_0020, "DA", "20260321")
            .Add(0x0008_0030, "TM", "101500")
            .Add(0x0008_0050, "SH", AccessionNumber)
            .Add(0x0008_0060, "CS", "MR")
            .Add(0x0008_0070, "LO", "SIEMENS")
            .Add(0x0008_0090, "PN", "Wadenstrumpf^Emil")
            .Add(0x0008_1030, "LO", $"Head of {FamilyName}")
            .Add(0x0008_103E, "LO", "t1_mprage")
            .Add(0x0010_0010, "PN", PatientName)
            .Add(0x0010_0020, "LO", PatientId)
            .Add(0x0010_0030, "DA", "19610412")
            .Add(0x0010_0040, "CS", "F")
            .Add(0x0018_0020, "CS", "GR")
            .AddDecimals(0x0018_0050, SpacingMm)
            .Add(0x0020_000D, "UI", StudyInstanceUid)
            .Add(0x0020_000E, "UI", SeriesInstanceUid)
            .Add(0x0020_0010, "SH", "1")
            .Add(0x0020_0011, "IS", "1")
            .Add(0x0020_0013, "IS", slice.ToString(CultureInfo.InvariantCulture))
            .AddDecimals(0x0020_0032, 0, 0, slice * SpacingMm)
            .AddDecimals(0x0020_0037, 1, 0, 0, 0, 1, 0)
            .Add(0x0020_0052, "UI", $"{StudyInstanceUid}.9")
            .AddNumbers(0x0028_0002, "US", 1)
            .Add(0x0028_0004, "CS", "MONOCHROME2")
            .AddNumbers(0x0028_0010, "US", Size)
            .AddNumbers(0x0028_0011, "US", Size)
            .AddDecimals(0x0028_0030, SpacingMm, SpacingMm)
            .AddNumbers(0x0028_0100, "US", 8)
            .AddNumbers(0x0028_0101, "US", 8)
            .AddNumbers(0x0028_0102, "US", 7)
            .AddNumbers(0x0028_0103, "US", 0)
            .AddStreamed(0x7FE0_0010, Size * Size, pixels => WritePixels(pixels, slice));

    private static void WritePixels(Stream pixels, int slice)
    {
        for (var j = 0; j < Size; j++)
        {
            for (var i = 0; i < Size; i++)
            {
                var (x, y, z) = (i - Size / 2, j - Size / 2, slice - Slices / 2);
                var isBall = x * x + y * y + z * z < 64;
                pixels.WriteByte((byte)((isBall ? 200 : 20) + (i * 7 + j * 3 + slice) % 10));
            }
        }
    }
}
