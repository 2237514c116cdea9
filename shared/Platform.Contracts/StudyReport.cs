namespace Platform.Contracts;

/// <summary>How a revision ended.</summary>
public enum StudyOutcome
{
    /// <summary>Every planned output exists.</summary>
    Analysed,

    /// <summary>The study was refused; <see cref="StudyReport.Reason"/> says why.</summary>
    Rejected,
}

/// <summary>report.json: the one terminal document of a revision, created once by whoever completes it.</summary>
public sealed record StudyReport
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>How the revision ended.</summary>
    public required StudyOutcome Outcome { get; init; }

    /// <summary>The worst verdict over the segmentations.</summary>
    public Verdict Verdict { get; init; }

    /// <summary>True where any output derives from a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }

    /// <summary>Why the study was rejected.</summary>
    public RejectionReason? Reason { get; init; }

    /// <summary>Why the study was rejected, for people.</summary>
    public string? Detail { get; init; }

    /// <summary>When the study was received (UTC).</summary>
    public DateTimeOffset? ReceivedAt { get; init; }

    /// <summary>When the report was made (UTC).</summary>
    public required DateTimeOffset CompletedAt { get; init; }

    /// <summary>Digest of what was received.</summary>
    public string? InputDigest { get; init; }

    /// <summary>The platform's version that made the report.</summary>
    public required string CodeVersion { get; init; }

    /// <summary>The series found.</summary>
    public IReadOnlyList<PlannedSeries> Series { get; init; } = [];

    /// <summary>What was received and is no volume, beside them.</summary>
    public IReadOnlyList<RefusedSeries> RefusedSeries { get; init; } = [];

    /// <summary>Every planned output, with what made it and, for segmentations, its predicted quality.</summary>
    public IReadOnlyList<ReportedOutput> Outputs { get; init; } = [];

    /// <summary>Seconds by stage: "preprocessing", "segmentation", "super-resolution", "qc", "total" (from receipt to report).</summary>
    public IReadOnlyDictionary<string, double> Seconds { get; init; } =
        new Dictionary<string, double>();
}

/// <summary>One output in the report.</summary>
public sealed record ReportedOutput
{
    /// <summary>The plan's entry.</summary>
    public required PlannedOutput Plan { get; init; }

    /// <summary>What made it; null where the output was not applicable.</summary>
    public OutputProvenance? Provenance { get; init; }

    /// <summary>The predicted quality, for segmentations.</summary>
    public SegmentationQuality? Quality { get; init; }
}
