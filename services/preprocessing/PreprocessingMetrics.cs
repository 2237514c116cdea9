using Prometheus;

namespace Platform.Preprocessing;

/// <summary>What preprocessing counts. Labels are configured sites and fixed words, never identifiers.</summary>
internal static class PreprocessingMetrics
{
    /// <summary>Outcomes: planned, rejected, resumed (a redelivery that found its plan), done (a redelivery that found the report).</summary>
    public static readonly Counter Studies = Metrics.CreateCounter(
        "platform_preprocessing_studies_total",
        "Received studies by outcome.",
        "site",
        "outcome"
    );

    public static readonly Counter Rejections = Metrics.CreateCounter(
        "platform_preprocessing_rejections_total",
        "Rejected studies by reason.",
        "site",
        "reason"
    );

    /// <summary>Steps: read (fetch and decode), orient (checks too), store, plan, align (the series of a study to each other).</summary>
    public static readonly Histogram Duration = Metrics.CreateHistogram(
        "platform_preprocessing_duration_seconds",
        "Seconds by step, a study.",
        ["step"],
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.005, 2, 14) }
    );

    public static readonly Counter Commands = Metrics.CreateCounter(
        "platform_preprocessing_commands_total",
        "Commands sent to model queues.",
        "model",
        "priority"
    );
}
