using Platform.Contracts;

namespace Platform.Results;

/// <summary>Puts report.json together from the documents the stages left.</summary>
public static class ReportBuilder
{
    /// <summary>The report of a revision whose planned outputs all exist.</summary>
    /// <param name="plan">What was planned.</param>
    /// <param name="outputs">Each planned output with its documents, in the plan's order.</param>
    /// <param name="receivedAt">When the revision was received.</param>
    /// <param name="now">When the report is made.</param>
    /// <param name="codeVersion">The version that makes it.</param>
    public static StudyReport Analysed(
        StudyPlan plan,
        IReadOnlyList<ReportedOutput> outputs,
        DateTimeOffset? receivedAt,
        DateTimeOffset now,
        string codeVersion
    )
    {
        var seconds = new Dictionary<string, double> { ["preprocessing"] = plan.Seconds };
        foreach (var output in outputs)
        {
            if (output.Provenance is { } provenance)
            {
                Add(
                    seconds,
                    output.Plan.Kind == OutputKind.Segmentation
                        ? "segmentation"
                        : "super-resolution",
                    provenance.Seconds.Values.Sum()
                );
            }
            if (output.Quality is { } quality)
            {
                Add(seconds, "qc", quality.Seconds);
            }
        }
        if (receivedAt is { } received)
        {
            seconds["total"] = Math.Max(0, (now - received).TotalSeconds);
        }
        return new()
        {
            Study = plan.Study,
            Outcome = StudyOutcome.Analysed,
            Verdict = Worst(outputs.Select(o => o.Quality).OfType<SegmentationQuality>()),
            // Where any document says so: what one stage marked, no later one can clear.
            NotForDiagnosis = outputs.Any(o =>
                o.Plan.NotApplicable is null
                && (
                    o.Plan.NotForDiagnosis
                    || o.Provenance?.NotForDiagnosis == true
                    || o.Quality?.NotForDiagnosis == true
                )
            ),
            ReceivedAt = receivedAt,
            CompletedAt = now,
            InputDigest = plan.InputDigest,
            CodeVersion = codeVersion,
            Series = plan.Series,
            RefusedSeries = plan.RefusedSeries,
            Outputs = outputs,
            Seconds = seconds,
        };
    }

    /// <summary>The report of a revision that was refused.</summary>
    public static StudyReport Rejected(
        StudyRejected rejection,
        StudyManifest? manifest,
        DateTimeOffset now,
        string codeVersion
    ) =>
        new()
        {
            Study = rejection.Study,
            Outcome = StudyOutcome.Rejected,
            Reason = rejection.Reason,
            Detail = rejection.Detail,
            ReceivedAt = manifest?.ReceivedAt,
            CompletedAt = now,
            InputDigest = manifest?.InputDigest,
            CodeVersion = codeVersion,
        };

    /// <summary>The worst verdict; one without a prediction is worse than a pass and better than a review.</summary>
    private static Verdict Worst(IEnumerable<SegmentationQuality> qualities) =>
        qualities.Select(q => q.Verdict).DefaultIfEmpty(Verdict.Unassessed).MaxBy(Severity);

    private static int Severity(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => 0,
            Verdict.Unassessed => 1,
            Verdict.Review => 2,
            _ => 3,
        };

    private static void Add(Dictionary<string, double> seconds, string stage, double value) =>
        seconds[stage] = seconds.GetValueOrDefault(stage) + value;
}
