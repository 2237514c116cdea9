namespace Platform.Contracts;

/// <summary>Event, training → qc: the network fitted to a segmentation is stored.</summary>
public sealed record ReverseClassifierTrained
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The segmentation model as name@version.</summary>
    public required string Model { get; init; }
}
