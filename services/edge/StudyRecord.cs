using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Platform.Edge;

/// <summary>Where a study stands.</summary>
internal enum EdgeStudyState
{
    /// <summary>Instances of it are in Orthanc that the platform has not acknowledged.</summary>
    Waiting,

    /// <summary>The platform has all of it.</summary>
    Sent,

    /// <summary>A result of it is in Orthanc.</summary>
    Returned,

    /// <summary>It is not sent until somebody asks for it: the reason says why.</summary>
    SetAside,
}

/// <summary>What the agent knows of a study. It names it by Orthanc's identifier and by pseudonyms; who it is, is in the encrypted cross-walk.</summary>
internal sealed record StudyRecord
{
    /// <summary>The agent's name for the study: a pseudonym, 32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>Orthanc's identifier of the study.</summary>
    public required string Orthanc { get; init; }

    /// <summary>When it was first seen.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Whether instances came of which it is not known yet what they are.</summary>
    public bool Changed { get; init; } = true;

    /// <summary>StudyInstanceUID as the platform knows it; null before an instance was sent.</summary>
    public string? StudyInstanceUid { get; init; }

    /// <summary>Orthanc's identifiers of the instances that are dealt with: acknowledged, refused or held.</summary>
    public ImmutableHashSet<string> Done { get; init; } = [];

    /// <summary>Of those, how many could not be read, or were refused by the platform.</summary>
    public int Refused { get; init; }

    /// <summary>Of those, how many stay here because their pixels may show who it is.</summary>
    public int Held { get; init; }

    /// <summary>When the platform had all of it; null while it has not.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Attempts that failed for a reason that may be the study's own: those with fewer go first.</summary>
    public int Attempts { get; init; }

    /// <summary>Why it was set aside; null where it was not.</summary>
    public string? Reason { get; init; }

    /// <summary>When its results are asked for next.</summary>
    public DateTimeOffset NextLook { get; init; }

    /// <summary>Results by SOPInstanceUID.</summary>
    public ImmutableDictionary<string, ReturnedResult> Results { get; init; } =
        ImmutableDictionary<string, ReturnedResult>.Empty;

    [JsonIgnore]
    public EdgeStudyState State =>
        Reason is not null ? EdgeStudyState.SetAside
        : SentAt is null ? EdgeStudyState.Waiting
        : Results.Values.Any(result => result.Orthanc is not null) ? EdgeStudyState.Returned
        : EdgeStudyState.Sent;

    /// <summary>How many instances the platform has.</summary>
    [JsonIgnore]
    public int Acknowledged => Done.Count - Refused - Held;
}

/// <summary>A result object of a study.</summary>
/// <param name="Orthanc">Orthanc's identifier of the instance; null until it is stored there.</param>
/// <param name="StoreTo">The modalities that shall still get it.</param>
internal sealed record ReturnedResult(string? Orthanc, IReadOnlyList<string> StoreTo);
