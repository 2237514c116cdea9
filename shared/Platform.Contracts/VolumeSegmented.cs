namespace Platform.Contracts;

/// <summary>Event, segmentation → qc and results: the planned labels are stored.</summary>
public sealed record VolumeSegmented
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }
}
