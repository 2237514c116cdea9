using System.Text.Json.Serialization;

namespace Platform.Contracts;

/// <summary>Event, any stage → results: the study cannot be analysed and a retry would not help. An expected outcome, not a fault.</summary>
public sealed record StudyRejected
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>The service that refused, for example "preprocessing".</summary>
    public required string Stage { get; init; }

    /// <summary>Why, for machines.</summary>
    [JsonConverter(typeof(RejectionReasonConverter))]
    public required RejectionReason Reason { get; init; }

    /// <summary>Why, for people: names the input by its position, the offending value and what to do. Never patient data or file names.</summary>
    public required string Detail { get; init; }
}
