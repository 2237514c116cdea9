namespace Platform.Contracts;

/// <summary>Event, qc → results: the predicted quality of one segmentation is stored.</summary>
public sealed record SegmentationAssessed
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The segmentation model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>The worst verdict over the structures.</summary>
    public required Verdict Verdict { get; init; }
}
