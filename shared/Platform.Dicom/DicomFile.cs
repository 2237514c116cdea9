using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>Who an instance is. Patient-related: hashed at ingest, never logged, never sent on.</summary>
/// <param name="StudyInstanceUid">The study.</param>
/// <param name="SeriesInstanceUid">The series.</param>
/// <param name="SopInstanceUid">The instance.</param>
public sealed record DicomIdentity(
    string StudyInstanceUid,
    string SeriesInstanceUid,
    string SopInstanceUid
);

/// <summary>One DICOM file: Part 10, or a bare data set.</summary>
public static class DicomFile
{
    /// <summary>Bytes that <see cref="Sniff"/> needs to tell every DICOM file.</summary>
    public const int SniffBytes = 132;

    /// <summary>
    /// Whether these first bytes start a Part 10 file, or a data set without preamble: a first element of group 8, or of the meta information.
    /// </summary>
    public static bool Sniff(ReadOnlySpan<byte> start) =>
        HasPreamble(start)
        || start is [2, 0, <= 0x16, 0, (byte)'U' or (byte)'O', ..]
        || TransferSyntax.Guess(start) is not null;

    internal static bool HasPreamble(ReadOnlySpan<byte> start) =>
        start.Length >= SniffBytes && start.Slice(128, 4).SequenceEqual("DICM"u8);

    private const int LongestScanner = 64;

    /// <summary>
    /// Reads what made the image: manufacturer and model (0008,0070 and 0008,1090), of at most 64 ASCII letters, digits, spaces, dots, hyphens and
    /// underscores; anything else becomes a space. Null where the file states neither. The stream is left open.
    /// </summary>
    /// <exception cref="VolumeException">UnsupportedFormat, or CorruptData where the file is truncated.</exception>
    public static string? ReadScanner(Stream stream)
    {
        using var parser = new DicomParser(stream);
        parser.Parse(last: DicomTag.ManufacturerModelName);
        var words = new[] { DicomTag.Manufacturer, DicomTag.ManufacturerModelName }
            .SelectMany(tag => parser.Attributes.Text(tag) + ' ')
            .Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : ' ')
            .ToArray();
        var scanner = string.Join(
            ' ',
            new string(words).Split(' ', StringSplitOptions.RemoveEmptyEntries)
        );
        return scanner.Length == 0 ? null
            : scanner.Length <= LongestScanner ? scanner
            : scanner[..LongestScanner];
    }

    /// <summary>Reads the identifiers, which lie before the pixels. The stream is left open.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat, or CorruptData where the file is truncated or a UID is missing.</exception>
    public static DicomIdentity ReadIdentity(Stream stream)
    {
        using var parser = new DicomParser(stream);
        parser.Parse(last: DicomTag.SeriesInstanceUid);
        string Uid(uint tag, string name) =>
            parser.Attributes.Text(tag) is { Length: > 0 } uid
                ? uid
                : throw new VolumeException(VolumeFault.CorruptData, $"{name} is missing");
        return new DicomIdentity(
            Uid(DicomTag.StudyInstanceUid, "StudyInstanceUID"),
            Uid(DicomTag.SeriesInstanceUid, "SeriesInstanceUID"),
            Uid(DicomTag.SopInstanceUid, "SOPInstanceUID")
        );
    }
}
