namespace Platform.Contracts;

/// <summary>Command, preprocessing → the model's super-resolution queue.</summary>
public sealed record SuperResolveVolume
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series within the study whose slices are thick.</summary>
    public required string Series { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }
}
