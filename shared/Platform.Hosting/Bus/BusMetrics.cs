using MassTransit;
using Prometheus;

namespace Platform.Hosting;

/// <summary>Messages and the time they take, by type and outcome. An attempt that is tried again counts as a fault.</summary>
internal sealed class BusMetrics : IReceiveObserver
{
    private static readonly Counter Messages = Metrics.CreateCounter(
        "platform_messages_total",
        "Attempts to handle a message, by message type and outcome (success, fault).",
        "message",
        "outcome"
    );

    private static readonly Histogram Duration = Metrics.CreateHistogram(
        "platform_message_duration_seconds",
        "Time an attempt to handle a message took.",
        new HistogramConfiguration
        {
            LabelNames = ["message", "outcome"],
            Buckets = Histogram.ExponentialBuckets(0.01, 2, 18),
        }
    );

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class => Record<T>(duration, "success");

    public Task ConsumeFault<T>(
        ConsumeContext<T> context,
        TimeSpan duration,
        string consumerType,
        Exception exception
    )
        where T : class => Record<T>(duration, "fault");

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

    private static Task Record<T>(TimeSpan duration, string outcome)
    {
        // A Fault<SegmentVolume> is counted as "Fault_SegmentVolume".
        var name = typeof(T).IsGenericType
            ? $"{typeof(T).Name.Split('`')[0]}_{typeof(T).GetGenericArguments()[0].Name}"
            : typeof(T).Name;
        Messages.WithLabels(name, outcome).Inc();
        Duration.WithLabels(name, outcome).Observe(duration.TotalSeconds);
        return Task.CompletedTask;
    }
}
