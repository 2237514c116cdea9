using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;

namespace Platform.Results;

/// <summary>
/// One DICOM series that an output of a revision is sent as. Every identifier derives from what is identified, so that the same result is the same object;
/// what names the patient is another object than what does not.
/// </summary>
/// <param name="Report">The study's report.</param>
/// <param name="Model">The model that made the output, as name@version.</param>
/// <param name="Series">The series the output is named by.</param>
/// <param name="Kind">What of the output it is.</param>
/// <param name="Source">What the output was made of, and whose it is.</param>
internal sealed record ResultObject(
    StudyReport Report,
    string Model,
    string Series,
    ResultKind Kind,
    ResultSource Source
)
{
    /// <summary>The platform's own codes.</summary>
    public const string Scheme = "99PLATFORM";

    /// <summary>What an object says that derives from a super-resolved volume.</summary>
    public const string NotForDiagnosis =
        "Not for diagnosis: derived from a super-resolved volume.";

    /// <summary>Of which output of which revision it is.</summary>
    public string Output => $"{Revision(Report)}/{Model}/{Series}";

    /// <summary>The SOP class.</summary>
    public string SopClass =>
        Kind switch
        {
            ResultKind.Segmentation => SegmentationImage.SegmentationStorage,
            ResultKind.Quality => QualityStructuredReport.ComprehensiveSr,
            _ => SuperResolvedImage.MrImageStorage,
        };

    /// <summary>The modality.</summary>
    public string Modality =>
        Kind switch
        {
            ResultKind.Segmentation => "SEG",
            ResultKind.Quality => "SR",
            _ => "MR",
        };

    /// <summary>The study, as the receiver knows it.</summary>
    public string StudyInstance => Source.StudyInstanceUid(Report.Study.StudyId);

    /// <summary>The series.</summary>
    public string SeriesInstance => DicomUid.FromName($"{Name}/series");

    private string Name =>
        $"{Output}/{Kind.ToString().ToLowerInvariant()}{(Source.Crosswalk is null ? "" : "/identified")}";

    /// <summary>The received revision.</summary>
    public static string Revision(StudyReport report) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Study.Tenant}/{report.Study.StudyId}/r{report.Study.Revision}"
        );

    /// <summary>An instance of the series.</summary>
    /// <param name="number">From 1.</param>
    public string SopInstance(int number = 1) =>
        DicomUid.FromName(
            number == 1 ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name}/{number}")
        );

    /// <summary>The identifier by which the objects of one output tell that they speak of the same structure.</summary>
    public string TrackingUid(StructureQuality structure) =>
        DicomUid.FromName(
            string.Create(CultureInfo.InvariantCulture, $"{Output}/{structure.Label}")
        );

    /// <summary>The side as a modifier's value; null for a structure that has none.</summary>
    public static DicomCode? Side(StructureQuality structure) =>
        structure.Side switch
        {
            "left" => new("7771000", "SCT", "Left"),
            "right" => new("24028007", "SCT", "Right"),
            _ => null,
        };

    /// <summary>Patient, study, series, equipment and SOP common attributes of an instance.</summary>
    /// <param name="number">From 1.</param>
    public DicomDataset Header(int number = 1)
    {
        var date = Report.CompletedAt.UtcDateTime.ToString(
            "yyyyMMdd",
            CultureInfo.InvariantCulture
        );
        var time = Report.CompletedAt.UtcDateTime.ToString("HHmmss", CultureInfo.InvariantCulture);
        var header = new DicomDataset()
            .Add(0x0008_0005, "CS", "ISO_IR 192")
            .Add(0x0008_0012, "DA", date)
            .Add(0x0008_0013, "TM", time)
            .Add(0x0008_0016, "UI", SopClass)
            .Add(0x0008_0018, "UI", SopInstance(number))
            .Add(0x0008_0023, "DA", date)
            .Add(0x0008_0033, "TM", time)
            .Add(0x0008_0060, "CS", Modality)
            .Add(0x0008_0070, "LO", "Platform")
            .Add(
                0x0008_0110,
                new DicomDataset()
                    .Add(0x0008_0102, "SH", Scheme)
                    .Add(0x0008_0115, "ST", "Codes of the platform and its models")
            )
            .Add(0x0020_000D, "UI", StudyInstance)
            .Add(0x0020_000E, "UI", SeriesInstance)
            .Add(
                0x0020_0013,
                "IS",
                (Kind == ResultKind.Volume ? number : Report.Study.Revision).ToString(
                    CultureInfo.InvariantCulture
                )
            );
        Source.AddPatient(header, Report.Study.StudyId);
        return header;
    }

    /// <summary>The space in which positions are stated: all outputs of one received series lie in one; of two series that state none the platform does not know whether they do.</summary>
    public string Space(PlannedOutput output) =>
        Source.Instances?.FrameOfReferenceUid is { } stated
            ? Source.Uid(stated)
            : DicomUid.FromName($"{Revision(Report)}/{output.ReceivedSeries}/space");
}

/// <summary>What of an output an object is.</summary>
internal enum ResultKind
{
    /// <summary>The labels, as a segmentation image.</summary>
    Segmentation,

    /// <summary>Their predicted quality, as a structured report.</summary>
    Quality,

    /// <summary>The super-resolved volume, as a series of images.</summary>
    Volume,
}
