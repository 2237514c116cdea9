namespace Platform.Contracts;

/// <summary>How soon a study is wanted. Each priority has its own queue, so an emergency overtakes a backlog.</summary>
public enum StudyPriority
{
    /// <summary>In the order of arrival.</summary>
    Routine,

    /// <summary>An emergency: sent to the <c>-stat</c> queue of every stage that has one.</summary>
    Stat,
}

/// <summary>Whose study a message is about. Every message carries one, and nothing in it can name a patient.</summary>
public sealed record StudyContext
{
    /// <summary>The hospital: a blob container, a key set and a wall. Lower-case letters, digits and hyphens, 3 to 40 characters.</summary>
    public required string Tenant { get; init; }

    /// <summary>The scanner's site within the tenant; "default" where the tenant has one site.</summary>
    public string Site { get; init; } = "default";

    /// <summary>Keyed hash of tenant and study identity (32 lower-case hexadecimal digits), so a re-sent study is the same study.</summary>
    public required string StudyId { get; init; }

    /// <summary>1 for the first receipt; instances that arrive after the study closed open the next.</summary>
    public required int Revision { get; init; }

    /// <summary>Constant through one revision's flow, also across redeliveries and reconciliation.</summary>
    public required Guid CorrelationId { get; init; }

    /// <summary>Which queues the study takes.</summary>
    public StudyPriority Priority { get; init; }
}
