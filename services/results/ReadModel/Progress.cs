using System.Globalization;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>Something that happened to a revision.</summary>
/// <param name="Stage">What was reached.</param>
/// <param name="Series">The series; empty where the whole study is meant.</param>
/// <param name="Model">The model as name@version; empty where the whole study is meant.</param>
/// <param name="Detail">For people.</param>
/// <param name="Time">When.</param>
public sealed record Progress(
    StudyStage Stage,
    string Series,
    string Model,
    string Detail,
    DateTimeOffset Time
)
{
    internal static Progress OfStudy(StudyStage stage, string detail, DateTimeOffset time) =>
        new(stage, "", "", detail, time);

    internal static Progress Received(StudyManifest manifest) =>
        OfStudy(StudyStage.Received, Count(manifest.Items.Count, "file"), manifest.ReceivedAt);

    internal static Progress Planned(StudyPlan plan, DateTimeOffset time) =>
        OfStudy(
            StudyStage.Planned,
            $"{plan.Series.Count} series, {Count(plan.Outputs.Count(o => o.NotApplicable is null), "output")}",
            time
        );

    /// <summary>Everything that must have happened for a report to exist, the report last.</summary>
    internal static IEnumerable<Progress> Of(StudyReport report)
    {
        if (report.ReceivedAt is { } received)
        {
            yield return OfStudy(StudyStage.Received, "", received);
        }
        foreach (var output in report.Outputs.Where(o => o.Provenance is not null))
        {
            var (series, model) = (output.Plan.Series, output.Plan.Model);
            if (output.Plan.Kind == OutputKind.SuperResolution)
            {
                yield return new(StudyStage.SuperResolved, series, model, "", report.CompletedAt);
            }
            else
            {
                yield return new(StudyStage.Segmented, series, model, "", report.CompletedAt);
                yield return new(
                    StudyStage.Assessed,
                    series,
                    model,
                    output.Quality?.Verdict.ToString() ?? "",
                    report.CompletedAt
                );
            }
        }
        yield return OfStudy(
            StudyStages.Of(report.Outcome),
            report.Outcome == StudyOutcome.Analysed
                ? report.Verdict.ToString()
                : $"{report.Reason}: {report.Detail}",
            report.CompletedAt
        );
    }

    internal ProgressRow ToRow(StudyContext study) =>
        new()
        {
            Tenant = study.Tenant,
            StudyId = study.StudyId,
            Revision = study.Revision,
            Stage = Stage,
            Series = Series,
            Model = Model,
            Detail = Detail,
            Time = Time.ToUnixTimeMilliseconds(),
        };

    private static string Count(int n, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{n} {noun}{(n == 1 ? "" : "s")}");
}
