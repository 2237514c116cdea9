using Prometheus;

namespace Platform.Training;

/// <summary>What the service counts. Labels are configured names, never identifiers.</summary>
internal static class TrainingMetrics
{
    public static readonly Counter Networks = Metrics.CreateCounter(
        "platform_training_networks_total",
        "Reverse classifiers trained, by site and the model whose labels they were fitted to.",
        "site",
        "model"
    );

    /// <summary>Steps: fetch (image and labels), train, store.</summary>
    public static readonly Histogram Duration = Metrics.CreateHistogram(
        "platform_training_duration_seconds",
        "Seconds by step, a reverse classifier.",
        ["step"],
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.01, 2, 18) }
    );
}
