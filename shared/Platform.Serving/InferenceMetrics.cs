using Platform.Contracts;
using Platform.Inference;
using Prometheus;

namespace Platform.Serving;

/// <summary>Triton's shape: requests by outcome, time in the queue, time computing, requests waiting.</summary>
internal static class InferenceMetrics
{
    private static readonly string[] Names = ["model", "version", "priority"];

    public static readonly Histogram QueueSeconds = Metrics.CreateHistogram(
        "platform_inference_queue_seconds",
        "Seconds a request waited for the network.",
        Names,
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 2, 18) }
    );

    public static readonly Histogram ComputeSeconds = Metrics.CreateHistogram(
        "platform_inference_compute_seconds",
        "Seconds the network ran.",
        Names,
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 2, 18) }
    );

    public static readonly Gauge Pending = Metrics.CreateGauge(
        "platform_inference_pending",
        "Requests waiting for the network.",
        "priority"
    );

    /// <summary>Outcome success or failure; reason REJECTED (too many wait), CANCELED or BACKEND.</summary>
    private static readonly Counter Requests = Metrics.CreateCounter(
        "platform_inference_requests_total",
        "Requests to the network, by outcome and reason of failure.",
        [.. Names, "outcome", "reason"]
    );

    public static string[] Labels(ModelManifest model, StudyPriority priority) =>
        [model.Name, model.Version, priority.ToString()];

    public static void Count(string[] labels, string outcome, string reason) =>
        Requests.WithLabels([.. labels, outcome, reason]).Inc();
}
