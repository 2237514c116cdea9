namespace Platform.Contracts;

/// <summary>Event, results → the world: the revision's report exists. Published at least once, for one report only.</summary>
public sealed record StudyAnalysed
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The worst verdict over the study's segmentations.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>True where any output derives from a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }
}
