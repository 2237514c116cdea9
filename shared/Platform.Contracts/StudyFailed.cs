namespace Platform.Contracts;

/// <summary>Event, results → the world, and failed.json: a stage gave up after its retries. The message waits in that stage's error queue and can be replayed.</summary>
public sealed record StudyFailed
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The message type whose handling failed, for example "SegmentVolume".</summary>
    public required string Stage { get; init; }

    /// <summary>The exception's type. Never its text, which could quote input.</summary>
    public required string Error { get; init; }

    /// <summary>When it gave up (UTC).</summary>
    public DateTimeOffset FailedAt { get; init; }
}
