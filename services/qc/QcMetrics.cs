using System.Diagnostics;
using Prometheus;

namespace Platform.Qc;

/// <summary>What qc counts. Labels are configured names, never identifiers.</summary>
internal static class QcMetrics
{
    public static readonly Counter Assessments = Metrics.CreateCounter(
        "platform_qc_assessments_total",
        "Segmentations assessed, by site, model and verdict.",
        "site",
        "model",
        "verdict"
    );

    public static readonly Histogram PredictedDice = Metrics.CreateHistogram(
        "platform_qc_predicted_dice",
        "Predicted Dice by site, model and structure.",
        ["site", "model", "structure"],
        // Few: each is a series for every site, model and structure.
        new HistogramConfiguration { Buckets = [0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95] }
    );

    /// <summary>Steps: open (documents, references the first time), fetch (image and labels), register, score, measure (surfaces), judge.</summary>
    public static readonly Histogram Duration = Metrics.CreateHistogram(
        "platform_qc_duration_seconds",
        "Seconds by step, a segmentation.",
        ["step"],
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.01, 2, 15) }
    );

    public static readonly Counter ReferencesFailed = Metrics.CreateCounter(
        "platform_qc_references_failed_total",
        "References that could not be registered with a test image, by set.",
        "references"
    );

    public static void Observe(string step, long since) =>
        Duration.WithLabels(step).Observe(Stopwatch.GetElapsedTime(since).TotalSeconds);
}
