namespace Platform.Contracts;

/// <summary>Command, qc → training: fit a small network to a segmentation, for the references to be labelled by.</summary>
public sealed record TrainReverseClassifier
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The segmentation model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>Spacing of the references it shall label, mm: the network sees the image at it.</summary>
    public required double SpacingMm { get; init; }
}
