using Prometheus;

namespace Platform.Results;

internal static class ResultsMetrics
{
    public static readonly Counter Studies = Metrics.CreateCounter(
        "platform_results_studies_total",
        "Study revisions that ended, by outcome and verdict.",
        "outcome",
        "verdict"
    );

    public static readonly Histogram Turnaround = Metrics.CreateHistogram(
        "platform_results_turnaround_seconds",
        "From the receipt of a study to its report.",
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(1, 2, 14) }
    );

    public static readonly Gauge OpenMarkers = Metrics.CreateGauge(
        "platform_results_open_markers",
        "Study revisions that have not ended, as the reconciler last saw them.",
        "state"
    );

    public static readonly Counter Reconciled = Metrics.CreateCounter(
        "platform_results_reconciled_total",
        "What the reconciler did for study revisions that stood still.",
        "step"
    );

    public static readonly Counter DriftAlarms = Metrics.CreateCounter(
        "platform_results_drift_alarms_total",
        "Changes of the distribution of predicted quality or of images.",
        "site",
        "model",
        "direction"
    );

    public static readonly Counter Published = Metrics.CreateCounter(
        "platform_results_events_published_total",
        "CloudEvents the broker has confirmed."
    );
}
