namespace Platform.Results;

/// <summary>
/// One scanner's cases by one model: their predicted quality and what their images look like, a <see cref="DriftDetector"/> each. They share one
/// promise of few false alarms, and the first that alarms speaks for all: each then learns its distribution anew, so that one change is told once.
/// </summary>
/// <param name="detectors">What the detectors remember, by measure; empty before the first case.</param>
public sealed class DriftStream(IReadOnlyDictionary<string, DriftState> detectors)
{
    /// <summary>Everything that is watched.</summary>
    public static IReadOnlyList<string> Measures { get; } =
    [
        DriftMeasure.PredictedDice,
        DriftMeasure.Noise,
        DriftMeasure.Brightness,
        DriftMeasure.Foreground,
        DriftMeasure.VoxelSize,
    ];

    /// <summary>All that the next case needs to be judged.</summary>
    public IReadOnlyDictionary<string, DriftState> State { get; private set; } = detectors;

    /// <summary>Takes a case into account.</summary>
    /// <param name="study">The study.</param>
    /// <param name="revision">The revision.</param>
    /// <param name="values">By measure, of <see cref="Measures"/>; what a case does not have is left out.</param>
    /// <param name="tie">As <see cref="DriftDetector.Observe"/> takes it.</param>
    /// <returns>The measure that moved and how, or null.</returns>
    public (string Measure, DriftAlarm Alarm)? Observe(
        string study,
        int revision,
        IReadOnlyDictionary<string, double> values,
        Func<string, double> tie
    )
    {
        var state = new Dictionary<string, DriftState>(State);
        foreach (var measure in Measures)
        {
            if (!values.TryGetValue(measure, out var value))
            {
                continue;
            }
            var detector = new DriftDetector(state.GetValueOrDefault(measure), Measures.Count);
            if (detector.Observe(new(study, revision, value), tie(measure)) is { } alarm)
            {
                State = new Dictionary<string, DriftState>();
                return (measure, alarm);
            }
            state[measure] = detector.State;
        }
        State = state;
        return null;
    }
}

/// <summary>Names of what is watched, each a number from 0 to 1. Wire identity: never renamed, only added.</summary>
public static class DriftMeasure
{
    /// <summary>Mean predicted Dice over a segmentation's structures.</summary>
    public const string PredictedDice = "predicted-dice";

    /// <summary>Noise of the image, over its range.</summary>
    public const string Noise = "input-noise";

    /// <summary>Where in its range the image's median lies.</summary>
    public const string Brightness = "input-brightness";

    /// <summary>Share of the image that is not background.</summary>
    public const string Foreground = "input-foreground";

    /// <summary>v / (1 mm³ + v) of the voxels' volume v.</summary>
    public const string VoxelSize = "input-voxel-size";
}
