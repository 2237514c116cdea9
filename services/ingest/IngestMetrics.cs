using Prometheus;

namespace Platform.Ingest;

/// <summary>What ingest counts. Labels are configured sites and outcomes, never identifiers.</summary>
internal static class IngestMetrics
{
    /// <summary>Outcomes: received, revised (other content of a known study), repeated (the same content again), refused, unavailable.</summary>
    public static readonly Counter Studies = Metrics.CreateCounter(
        "platform_ingest_studies_total",
        "Uploads by outcome.",
        "site",
        "outcome"
    );

    public static readonly Counter Instances = Metrics.CreateCounter(
        "platform_ingest_instances_total",
        "DICOM instances that came by STOW-RS: Stored, Repeated, Held, OtherContent, Refused.",
        "site",
        "outcome"
    );

    public static readonly Counter Bytes = Metrics.CreateCounter(
        "platform_ingest_received_bytes_total",
        "Bytes of the studies that were stored.",
        "site"
    );

    public static readonly Histogram Duration = Metrics.CreateHistogram(
        "platform_ingest_store_duration_seconds",
        "From the last byte received until manifest and event are out.",
        ["site", "outcome"],
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.005, 2, 14) }
    );

    public static readonly Counter PublishFailures = Metrics.CreateCounter(
        "platform_ingest_publish_failures_total",
        "Stored studies whose event the broker did not confirm in time; the reconciler publishes it."
    );
}
