using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;

namespace Platform.Results;

/// <summary>
/// What the DICOM objects of one segmentation have alike. They name no patient: study and patient id are the platform's study id, and whoever knows
/// the patient puts the names back. Every identifier derives from what is identified, so that the same result is the same object.
/// </summary>
internal static class ResultObject
{
    /// <summary>The platform's own codes.</summary>
    public const string Scheme = "99PLATFORM";

    /// <summary>What an object says that derives from a super-resolved volume.</summary>
    public const string NotForDiagnosis =
        "Not for diagnosis: derived from a super-resolved volume.";

    /// <summary>Of which output of which revision the objects are.</summary>
    public static string Name(StudyReport report, SegmentationQuality quality) =>
        $"{Revision(report)}/{quality.Model}/{quality.Series}";

    /// <summary>The received revision.</summary>
    public static string Revision(StudyReport report) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Study.Tenant}/{report.Study.StudyId}/r{report.Study.Revision}"
        );

    /// <summary>The identifier by which the objects of one output tell that they speak of the same structure.</summary>
    public static string TrackingUid(string name, StructureQuality structure) =>
        DicomUid.FromName(string.Create(CultureInfo.InvariantCulture, $"{name}/{structure.Label}"));

    /// <summary>The side as a modifier's value; null for a structure that has none.</summary>
    public static DicomCode? Side(StructureQuality structure) =>
        structure.Side switch
        {
            "left" => new("7771000", "SCT", "Left"),
            "right" => new("24028007", "SCT", "Right"),
            _ => null,
        };

    /// <summary>Patient, study, series, equipment and SOP common attributes.</summary>
    /// <param name="report">The study's report.</param>
    /// <param name="quality">The output's predicted quality.</param>
    /// <param name="what">What the object is, of what the output has: "quality".</param>
    /// <param name="sopClass">The object's SOP class.</param>
    /// <param name="modality">SR or SEG.</param>
    public static DicomDataset Header(
        StudyReport report,
        SegmentationQuality quality,
        string what,
        string sopClass,
        string modality
    )
    {
        var study = report.Study;
        var name = $"{Name(report, quality)}/{what}";
        var date = report.CompletedAt.UtcDateTime.ToString(
            "yyyyMMdd",
            CultureInfo.InvariantCulture
        );
        var time = report.CompletedAt.UtcDateTime.ToString("HHmmss", CultureInfo.InvariantCulture);
        return new DicomDataset()
            .Add(0x0008_0005, "CS", "ISO_IR 192")
            .Add(0x0008_0012, "DA", date)
            .Add(0x0008_0013, "TM", time)
            .Add(0x0008_0016, "UI", sopClass)
            .Add(0x0008_0018, "UI", DicomUid.FromName(name))
            .Add(0x0008_0020, "DA")
            .Add(0x0008_0023, "DA", date)
            .Add(0x0008_0030, "TM")
            .Add(0x0008_0033, "TM", time)
            .Add(0x0008_0050, "SH")
            .Add(0x0008_0060, "CS", modality)
            .Add(0x0008_0070, "LO", "Platform")
            .Add(0x0008_0090, "PN")
            .Add(
                0x0008_0110,
                new DicomDataset()
                    .Add(0x0008_0102, "SH", Scheme)
                    .Add(0x0008_0115, "ST", "Codes of the platform and its models")
            )
            .Add(0x0010_0010, "PN")
            .Add(0x0010_0020, "LO", study.StudyId)
            .Add(0x0010_0030, "DA")
            .Add(0x0010_0040, "CS")
            .Add(0x0020_000D, "UI", DicomUid.FromName($"{study.Tenant}/{study.StudyId}"))
            .Add(0x0020_000E, "UI", DicomUid.FromName($"{name}/series"))
            .Add(0x0020_0010, "SH")
            .Add(0x0020_0013, "IS", study.Revision.ToString(CultureInfo.InvariantCulture));
    }
}
