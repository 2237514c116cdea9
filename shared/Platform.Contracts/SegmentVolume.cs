namespace Platform.Contracts;

/// <summary>Command, preprocessing → the model's segmentation queue.</summary>
public sealed record SegmentVolume
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series within the study; its volume is at <see cref="BlobNames.Volume"/> or, where super-resolved, at the planned input.</summary>
    public required string Series { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }
}
