namespace Platform.Contracts;

/// <summary>Event, super-resolution → preprocessing and results: the planned volume is stored. It is not for diagnosis, nor is anything made from it.</summary>
public sealed record VolumeSuperResolved
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The series that was super-resolved.</summary>
    public required string Series { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }
}
