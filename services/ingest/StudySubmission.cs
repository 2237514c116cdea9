using Platform.Contracts;

namespace Platform.Ingest;

/// <summary>What a sender says about a study, beside its files.</summary>
public sealed record StudySubmission
{
    /// <summary>The sender's tenant, from its credentials.</summary>
    public required string Tenant { get; init; }

    /// <summary>One of the tenant's sites; null or empty: the tenant's first.</summary>
    public string? Site { get; init; }

    /// <summary>
    /// The sender's own name for the study, only ever used hashed. Without one a DICOM study is known by its StudyInstanceUID,
    /// anything else by its content.
    /// </summary>
    public string? Reference { get; init; }

    /// <summary>Which queues the study takes.</summary>
    public StudyPriority Priority { get; init; }

    /// <summary>Models asked for, as name or name@version; empty: routed by the models' predicates.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>How it came: "upload", "grpc", "cli".</summary>
    public required string Source { get; init; }
}

/// <summary>Where a submitted study is.</summary>
/// <param name="Study">Its identity and revision.</param>
/// <param name="AlreadyReceived">The same content and request had been received before.</param>
/// <param name="Completed">Its report exists already.</param>
public sealed record IntakeResult(StudyContext Study, bool AlreadyReceived, bool Completed);

/// <summary>A submission cannot be taken as it is. The message is for the sender and names the field and the value.</summary>
public sealed class SubmissionRefusedException(
    RefusalKind kind,
    string field,
    string? value,
    string message
) : Exception(message)
{
    /// <summary>What to answer.</summary>
    public RefusalKind Kind { get; } = kind;

    /// <summary>The offending field.</summary>
    public string Field { get; } = field;

    /// <summary>The offending value, where it may be repeated.</summary>
    public string? Value { get; } = value;
}

/// <summary>Why a submission was refused before anything was stored.</summary>
public enum RefusalKind
{
    /// <summary>A field's value is wrong.</summary>
    Invalid,

    /// <summary>No byte was sent.</summary>
    EmptyStudy,

    /// <summary>More files or bytes than the deployment takes.</summary>
    TooLarge,
}

/// <summary>Spool or blob store do not take the study now; nothing was acknowledged, the sender should send it again.</summary>
public sealed class IntakeUnavailableException(Exception inner)
    : Exception("the study cannot be stored now", inner)
{
    /// <summary>A spool that fails, a full disk most likely, is an outage.</summary>
    internal static T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IntakeUnavailableException(e);
        }
    }
}
