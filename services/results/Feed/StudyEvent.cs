using System.Globalization;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>How a revision ended, as other systems are told; described by Schemas/study-event.v1.json.</summary>
public static class StudyEvent
{
    /// <summary>Names the JSON Schema of envelope and data.</summary>
    public const string Schema = "urn:platform:study-event:v1";

    /// <summary>A revision ended.</summary>
    public static ChangeEvent Of(StudyReport report)
    {
        var stage = StudyStages.Of(report.Outcome).Name();
        return new()
        {
            Tenant = report.Study.Tenant,
            Id = $"{report.Study.StudyId}-r{report.Study.Revision}-{stage}",
            Type = $"platform.study.{stage}",
            Subject = $"/studies/{report.Study.StudyId}",
            Schema = Schema,
            Time = report.CompletedAt,
            Data = new StudyEventData()
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
    public static ChangeEvent Of(StudyFailed failure) =>
        new()
        {
            Tenant = failure.Study.Tenant,
            Id = string.Create(
                CultureInfo.InvariantCulture,
                $"{failure.Study.StudyId}-r{failure.Study.Revision}-failed-{failure.FailedAt.ToUnixTimeMilliseconds()}"
            ),
            Type = "platform.study.failed",
            Subject = $"/studies/{failure.Study.StudyId}",
            Schema = Schema,
            Time = failure.FailedAt,
            Data = new StudyEventData()
            {
                Tenant = failure.Study.Tenant,
                Site = failure.Study.Site,
                StudyRevision = failure.Study.Revision,
                Outcome = "Failed",
                Stage = failure.Stage,
            },
        };
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
