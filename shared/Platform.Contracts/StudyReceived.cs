namespace Platform.Contracts;

/// <summary>Event, ingest → preprocessing: every byte of the revision and its manifest are in the blob store.</summary>
public sealed record StudyReceived
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }
}
