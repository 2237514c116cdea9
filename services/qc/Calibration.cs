using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// calibration.json: what leave-one-out over a reference set taught about its scores. A monotone map takes scores to real Dice; a margin
/// widens the interval so that it covers the real Dice as often as it says (conformal prediction).
/// </summary>
public sealed record Calibration
{
    /// <summary>The share of cases the interval is to cover.</summary>
    public const double Coverage = 0.9;

    /// <summary>Samples a structure needs for a map of its own; below, the pooled one serves.</summary>
    public const int LeastSamples = 40;

    /// <summary>The map fitted on every structure together.</summary>
    public required StructureCalibration Pooled { get; init; }

    /// <summary>By label value; a structure with fewer than <see cref="LeastSamples"/> has the pooled map with its own figures.</summary>
    public required IReadOnlyDictionary<byte, StructureCalibration> Structures { get; init; }

    /// <summary>References the samples came from, each left out in turn.</summary>
    public required int References { get; init; }

    /// <summary>How many nearest references were registered; null for all. The set must say the same.</summary>
    public int? Nearest { get; init; }

    /// <summary>The reverse classifier the samples were scored by; a file of an earlier version, which does not say, is of the single atlas.</summary>
    public string Classifier { get; init; } = ReverseClassifiers.SingleAtlas;

    /// <summary>Pearson's correlation of predicted and real Dice on left-out references, every structure by its own map; null in a file of an earlier version.</summary>
    public double? Correlation { get; init; }

    /// <summary>Mean absolute error of the predicted Dice on left-out references, every structure by its own map; null in a file of an earlier version.</summary>
    public double? MeanAbsoluteError { get; init; }

    /// <summary>Share of left-out samples whose real Dice the interval held, every structure by its own map; null in a file of an earlier version.</summary>
    public double? Covered { get; init; }

    /// <summary>The map of a label.</summary>
    public StructureCalibration For(byte label) => Structures.GetValueOrDefault(label, Pooled);

    /// <summary>Fits maps and margins. Margins and figures come from maps fitted without the reference they are tested on.</summary>
    public static Calibration Fit(IReadOnlyList<CalibrationSample> samples) =>
        Evaluate(samples).Calibration;

    /// <summary>The same, with what was predicted of every left-out sample.</summary>
    /// <param name="samples">At least one.</param>
    /// <param name="nearest">How many nearest references the samples' scores are of; null for all.</param>
    /// <param name="classifier">The reverse classifier the scores are of.</param>
    public static (Calibration Calibration, IReadOnlyList<HeldOutSample> HeldOut) Evaluate(
        IReadOnlyList<CalibrationSample> samples,
        int? nearest = null,
        string classifier = ReverseClassifiers.SingleAtlas
    )
    {
        var (pooled, pooledHeld) = StructureCalibration.Fit(samples);
        var structures = new SortedDictionary<byte, StructureCalibration>();
        var heldOut = new List<HeldOutSample>();
        foreach (var label in samples.GroupBy(sample => sample.Label))
        {
            IReadOnlyList<HeldOutSample> held;
            if (label.Count() >= LeastSamples)
            {
                (structures[label.Key], held) = StructureCalibration.Fit([.. label]);
            }
            else
            {
                held = [.. pooledHeld.Where(h => h.Sample.Label == label.Key)];
                structures[label.Key] = pooled.With(held);
            }
            heldOut.AddRange(held);
        }
        var overall = pooled.With(heldOut);
        return (
            new Calibration
            {
                Pooled = pooled,
                Structures = structures,
                References = samples.Select(sample => sample.Reference).Distinct().Count(),
                Nearest = nearest,
                Classifier = classifier,
                Correlation = overall.Correlation,
                MeanAbsoluteError = overall.MeanAbsoluteError,
                Covered = overall.Coverage,
            },
            heldOut
        );
    }
}

/// <summary>One degraded segmentation of a reference that was left out.</summary>
/// <param name="Reference">Which reference.</param>
/// <param name="Label">Which structure.</param>
/// <param name="Score">What the other references say.</param>
/// <param name="RealDice">What the reference's own labels say.</param>
public sealed record CalibrationSample(
    int Reference,
    byte Label,
    StructureScore Score,
    double RealDice
);

/// <summary>A sample, and what was predicted of it by a map that never saw its reference.</summary>
/// <param name="Sample">The sample.</param>
/// <param name="Predicted">Its predicted Dice.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end of the interval.</param>
public sealed record HeldOutSample(
    CalibrationSample Sample,
    double Predicted,
    double Low,
    double High
)
{
    // The sample the margin was taken from lies on the interval's end, but for rounding.
    private const double Rounding = 1e-9;

    /// <summary>Whether the interval holds the real Dice.</summary>
    public bool Covered => Sample.RealDice >= Low - Rounding && Sample.RealDice <= High + Rounding;
}

/// <summary>A monotone map from score to Dice, a margin, and how good they were.</summary>
public sealed record StructureCalibration
{
    /// <summary>Of 8 samples at least. Over 680 segmentations of left-out hippocampi, 8 knots erred by 0.043 on average, 16 and more by 0.040.</summary>
    private const int MostKnots = 16;

    /// <summary>Scores at the map's knots, ascending; between them it is linear, beyond them constant.</summary>
    public required IReadOnlyList<double> Score { get; init; }

    /// <summary>Dice at the knots, never falling.</summary>
    public required IReadOnlyList<double> Dice { get; init; }

    /// <summary>How far the interval reaches beyond the mapped percentiles, at least 0.</summary>
    public required double Margin { get; init; }

    /// <summary>Samples of the structure.</summary>
    public required int Samples { get; init; }

    /// <summary>Mean absolute error of the mapped score on left-out references.</summary>
    public required double MeanAbsoluteError { get; init; }

    /// <summary>Mean absolute error of the raw <see cref="StructureScore.Best"/>.</summary>
    public required double RawMeanAbsoluteError { get; init; }

    /// <summary>Pearson's correlation of mapped score and real Dice on left-out references; 0 where either is constant.</summary>
    public required double Correlation { get; init; }

    /// <summary>Share of samples whose real Dice the interval held.</summary>
    public required double Coverage { get; init; }

    /// <summary>Maps a score.</summary>
    public double Map(double score)
    {
        if (score <= Score[0])
        {
            return Dice[0];
        }
        for (var n = 1; n < Score.Count; n++)
        {
            if (score <= Score[n])
            {
                var share = (score - Score[n - 1]) / (Score[n] - Score[n - 1]);
                return Dice[n - 1] + share * (Dice[n] - Dice[n - 1]);
            }
        }
        return Dice[^1];
    }

    /// <summary>The interval: mapped percentiles, widened, never outside 0 to 1 nor beside the prediction.</summary>
    public (double Low, double High) Interval(StructureScore score)
    {
        var predicted = Map(score.Best);
        return (
            Math.Clamp(Math.Min(predicted, Map(score.Low) - Margin), 0, 1),
            Math.Clamp(Math.Max(predicted, Map(score.High) + Margin), 0, 1)
        );
    }

    internal static (StructureCalibration Map, IReadOnlyList<HeldOutSample> HeldOut) Fit(
        IReadOnlyList<CalibrationSample> samples
    )
    {
        // Each reference is predicted by a map that never saw it.
        var unseen = new List<(CalibrationSample Sample, StructureCalibration Map)>();
        foreach (var reference in samples.GroupBy(sample => sample.Reference))
        {
            var others = samples.Where(sample => sample.Reference != reference.Key).ToList();
            var map = Knots(others.Count == 0 ? samples : others);
            unseen.AddRange(reference.Select(sample => (sample, map)));
        }
        double[] misses =
        [
            .. unseen
                .Select(u =>
                    Math.Max(
                        u.Map.Map(u.Sample.Score.Low) - u.Sample.RealDice,
                        u.Sample.RealDice - u.Map.Map(u.Sample.Score.High)
                    )
                )
                .Order(),
        ];
        var rank = (int)Math.Ceiling((misses.Length + 1) * Calibration.Coverage);
        var margin = Math.Max(0, misses[Math.Min(rank, misses.Length) - 1]);
        var held = unseen.ConvertAll(u =>
        {
            var (low, high) = (u.Map with { Margin = margin }).Interval(u.Sample.Score);
            return new HeldOutSample(u.Sample, u.Map.Map(u.Sample.Score.Best), low, high);
        });
        return ((Knots(samples) with { Margin = margin }).With(held), held);
    }

    /// <summary>The same map with the figures of these samples.</summary>
    internal StructureCalibration With(IReadOnlyList<HeldOutSample> held) =>
        this with
        {
            Samples = held.Count,
            MeanAbsoluteError = held.Average(h => Math.Abs(h.Predicted - h.Sample.RealDice)),
            RawMeanAbsoluteError = held.Average(h =>
                Math.Abs(h.Sample.Score.Best - h.Sample.RealDice)
            ),
            Correlation = Pearson([.. held.Select(h => (h.Predicted, h.Sample.RealDice))]),
            Coverage = held.Average(h => h.Covered ? 1.0 : 0.0),
        };

    /// <summary>Pearson's correlation; 0 where either side is constant.</summary>
    public static double Pearson(IReadOnlyList<(double X, double Y)> pairs)
    {
        var (meanX, meanY) = (pairs.Average(p => p.X), pairs.Average(p => p.Y));
        var xy = pairs.Sum(p => (p.X - meanX) * (p.Y - meanY));
        var xx = pairs.Sum(p => (p.X - meanX) * (p.X - meanX));
        var yy = pairs.Sum(p => (p.Y - meanY) * (p.Y - meanY));
        return xx * yy <= 0 ? 0 : xy / Math.Sqrt(xx * yy);
    }

    /// <summary>Means of equally filled bins along the score, made to rise by pooling neighbours that fall (isotonic regression).</summary>
    private static StructureCalibration Knots(IReadOnlyList<CalibrationSample> samples)
    {
        CalibrationSample[] sorted = [.. samples.OrderBy(sample => sample.Score.Best)];
        var bins = Math.Clamp(sorted.Length / 8, 1, MostKnots);
        var blocks = new List<(double Score, double Dice, int Count)>();
        for (var bin = 0; bin < bins; bin++)
        {
            var part = sorted[(bin * sorted.Length / bins)..((bin + 1) * sorted.Length / bins)];
            blocks.Add(
                (part.Average(s => s.Score.Best), part.Average(s => s.RealDice), part.Length)
            );
            while (
                blocks.Count > 1
                && (blocks[^1].Dice <= blocks[^2].Dice || blocks[^1].Score <= blocks[^2].Score)
            )
            {
                var (a, b) = (blocks[^2], blocks[^1]);
                var count = a.Count + b.Count;
                blocks.RemoveAt(blocks.Count - 1);
                blocks[^1] = (
                    (a.Score * a.Count + b.Score * b.Count) / count,
                    (a.Dice * a.Count + b.Dice * b.Count) / count,
                    count
                );
            }
        }
        return new StructureCalibration
        {
            Score = [.. blocks.Select(block => block.Score)],
            Dice = [.. blocks.Select(block => block.Dice)],
            Margin = 0,
            Samples = sorted.Length,
            MeanAbsoluteError = 0,
            RawMeanAbsoluteError = 0,
            Correlation = 0,
            Coverage = 0,
        };
    }
}
