using System.Collections.Concurrent;
using System.Diagnostics;
using Prometheus;

namespace Platform.Qc;

/// <summary>What qc counts. Labels are configured names, never identifiers; only the scanner's comes from what was received.</summary>
internal static class QcMetrics
{
    /// <summary>More scanners than this are counted together: whoever sends images must not fill the memory.</summary>
    private const int MostScanners = 1000;

    private static readonly ConcurrentDictionary<string, bool> Scanners = new();

    public static readonly Counter Assessments = Metrics.CreateCounter(
        "platform_qc_assessments_total",
        "Segmentations assessed, by site, scanner, model and verdict.",
        "site",
        "scanner",
        "model",
        "verdict"
    );

    public static readonly Histogram PredictedDice = Metrics.CreateHistogram(
        "platform_qc_predicted_dice",
        "Predicted Dice by site, scanner, model and structure.",
        ["site", "scanner", "model", "structure"],
        // Few: each is a series for every site, scanner, model and structure.
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

    /// <summary>The label of a scanner; "unknown" where the images do not say, "other" past the limit.</summary>
    public static string Scanner(string? scanner) =>
        scanner is null ? "unknown"
        : Scanners.ContainsKey(scanner)
        || Scanners.Count < MostScanners && Scanners.TryAdd(scanner, true)
            ? scanner
        : "other";
}
