using Prometheus;

namespace Platform.Edge;

/// <summary>What the agent counts. Labels are states and outcomes, never identifiers.</summary>
internal static class EdgeMetrics
{
    public static readonly Gauge Studies = Metrics.CreateGauge(
        "platform_edge_studies",
        "Studies by state: waiting to be sent, sent, returned (a result is there), set-aside.",
        "state"
    );

    public static readonly Gauge OldestWaiting = Metrics.CreateGauge(
        "platform_edge_oldest_waiting_seconds",
        "How long the study waits that waits the longest; 0 where none does."
    );

    /// <summary>Outcomes: sent, refused (unreadable, or by the platform), held (the pixels may show who it is).</summary>
    public static readonly Counter Instances = Metrics.CreateCounter(
        "platform_edge_instances_total",
        "Instances by outcome.",
        "outcome"
    );

    /// <summary>Outcomes: stored (in Orthanc), forwarded (to a modality).</summary>
    public static readonly Counter Results = Metrics.CreateCounter(
        "platform_edge_results_total",
        "Result objects by outcome.",
        "outcome"
    );

    /// <summary>Steps: send, return, forward.</summary>
    public static readonly Gauge Failures = Metrics.CreateGauge(
        "platform_edge_failures",
        "Attempts that failed since the last one that did not; 0 while all is well.",
        "step"
    );

    public static void Show(IReadOnlyCollection<StudyRecord> studies, DateTimeOffset now)
    {
        foreach (var state in Enum.GetValues<EdgeStudyState>())
        {
            Studies.WithLabels(Name(state)).Set(studies.Count(study => study.State == state));
        }
        var waiting = studies.Where(study => study.State == EdgeStudyState.Waiting);
        OldestWaiting.Set(waiting.Max(study => (double?)(now - study.Since).TotalSeconds) ?? 0);
    }

    private static string Name(EdgeStudyState state) =>
        state == EdgeStudyState.SetAside ? "set-aside" : state.ToString().ToLowerInvariant();
}
