using System.Globalization;
using System.Text.Json;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>
/// What other systems are told: a CloudEvents 1.0 envelope around <see cref="StudyEventData"/>, described by
/// Schemas/study-event.v1.json. No patient data.
/// </summary>
public sealed record StudyEvent
{
    /// <summary>Names the JSON Schema of envelope and data.</summary>
    public const string Schema = "urn:platform:study-event:v1";

    private static readonly CloudEventAttribute SequenceAttribute =
        CloudEventAttribute.CreateExtension("sequence", CloudEventAttributeType.String);

    private static readonly JsonEventFormatter Formatter = new(
        new(PlatformJson.Options) { WriteIndented = false },
        default
    );

    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>Derived from what happened, so that telling it twice shows.</summary>
    public required string Id { get; init; }

    /// <summary>platform.study.analysed, .rejected or .failed.</summary>
    public required string Type { get; init; }

    /// <summary>The study.</summary>
    public required string StudyId { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What happened.</summary>
    public required StudyEventData Data { get; init; }

    /// <summary>A revision ended.</summary>
    public static StudyEvent Of(StudyReport report)
    {
        var stage = StudyStages.Of(report.Outcome).Name();
        return new()
        {
            Tenant = report.Study.Tenant,
            Id = $"{report.Study.StudyId}-r{report.Study.Revision}-{stage}",
            Type = $"platform.study.{stage}",
            StudyId = report.Study.StudyId,
            Time = report.CompletedAt,
            Data = new()
            {
                Tenant = report.Study.Tenant,
                Site = report.Study.Site,
                StudyRevision = report.Study.Revision,
                Outcome = report.Outcome.ToString(),
                Verdict = report.Outcome == StudyOutcome.Analysed ? report.Verdict : null,
                Reason = report.Reason,
                Models =
                [
                    .. report
                        .Outputs.Where(o => o.Plan.NotApplicable is null)
                        .Select(o => o.Plan.Model)
                        .Distinct()
                        .Order(StringComparer.Ordinal),
                ],
                NotForDiagnosis = report.NotForDiagnosis,
            },
        };
    }

    /// <summary>A stage gave up.</summary>
    public static StudyEvent Of(StudyFailed failure) =>
        new()
        {
            Tenant = failure.Study.Tenant,
            Id = string.Create(
                CultureInfo.InvariantCulture,
                $"{failure.Study.StudyId}-r{failure.Study.Revision}-failed-{failure.FailedAt.ToUnixTimeMilliseconds()}"
            ),
            Type = "platform.study.failed",
            StudyId = failure.Study.StudyId,
            Time = failure.FailedAt,
            Data = new()
            {
                Tenant = failure.Study.Tenant,
                Site = failure.Study.Site,
                StudyRevision = failure.Study.Revision,
                Outcome = "Failed",
                Stage = failure.Stage,
            },
        };

    /// <summary>The structured JSON of the event at its place in the tenant's feed.</summary>
    public string ToJson(long sequence)
    {
        var cloudEvent = new CloudEvent(CloudEventsSpecVersion.V1_0, [SequenceAttribute])
        {
            Id = Id,
            Source = new($"/tenants/{Tenant}", UriKind.Relative),
            Type = Type,
            Subject = $"/studies/{StudyId}",
            Time = Time,
            DataContentType = "application/json",
            DataSchema = new(Schema),
            Data = Data,
            // Padded: the extension's values are compared as text.
            [SequenceAttribute] = sequence.ToString("D20", CultureInfo.InvariantCulture),
        };
        var bytes = Formatter.EncodeStructuredModeMessage(cloudEvent, out _);
        return System.Text.Encoding.UTF8.GetString(bytes.Span);
    }
}

/// <summary>The data of a <see cref="StudyEvent"/>. Members are added, never renamed or removed.</summary>
public sealed record StudyEventData
{
    /// <summary>The version of this shape.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The scanner's site.</summary>
    public required string Site { get; init; }

    /// <summary>The revision.</summary>
    public required int StudyRevision { get; init; }

    /// <summary>Analysed, Rejected or Failed.</summary>
    public required string Outcome { get; init; }

    /// <summary>The worst verdict, where analysed.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Why, where rejected.</summary>
    public RejectionReason? Reason { get; init; }

    /// <summary>The message whose handling failed, where failed.</summary>
    public string? Stage { get; init; }

    /// <summary>The models that ran, as name@version.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>True where any output derives from a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }
}
