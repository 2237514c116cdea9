namespace Platform.Contracts;

/// <summary>Command, qc → qc: hold one part of the references against a segmentation. Sent where one case's references are split over replicas.</summary>
public sealed record AssessReferences
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The segmentation model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>Which part, from 1.</summary>
    public required int Part { get; init; }

    /// <summary>How many parts there are.</summary>
    public required int Parts { get; init; }
}
