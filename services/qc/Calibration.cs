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

    /// <summary>The map for structures without their own.</summary>
    public required StructureCalibration Pooled { get; init; }

    /// <summary>By label value.</summary>
    public required IReadOnlyDictionary<byte, StructureCalibration> Structures { get; init; }

    /// <summary>References the samples came from, each left out in turn.</summary>
    public required int References { get; init; }

    /// <summary>The map of a label.</summary>
    public StructureCalibration For(byte label) => Structures.GetValueOrDefault(label, Pooled);

    /// <summary>Fits maps and margins. Margins and figures come from maps fitted without the reference they are tested on.</summary>
    public static Calibration Fit(IReadOnlyList<CalibrationSample> samples) =>
        new()
        {
            Pooled = StructureCalibration.Fit(samples),
            Structures = samples
                .GroupBy(sample => sample.Label)
                .Where(label => label.Count() >= LeastSamples)
                .OrderBy(label => label.Key)
                .ToDictionary(label => label.Key, label => StructureCalibration.Fit([.. label])),
            References = samples.Select(sample => sample.Reference).Distinct().Count(),
        };
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

/// <summary>A monotone map from score to Dice, a margin, and how good they were.</summary>
public sealed record StructureCalibration
{
    private const int MostKnots = 8;

    /// <summary>Scores at the map's knots, ascending; between them it is linear, beyond them constant.</summary>
    public required IReadOnlyList<double> Score { get; init; }

    /// <summary>Dice at the knots, never falling.</summary>
    public required IReadOnlyList<double> Dice { get; init; }

    /// <summary>How far the interval reaches beyond the mapped percentiles, at least 0.</summary>
    public required double Margin { get; init; }

    /// <summary>Samples it was fitted on.</summary>
    public required int Samples { get; init; }

    /// <summary>Mean absolute error of the mapped score on left-out references.</summary>
    public required double MeanAbsoluteError { get; init; }

    /// <summary>Mean absolute error of the raw mean of the three best.</summary>
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
        var predicted = Map(score.TopThree);
        return (
            Math.Clamp(Math.Min(predicted, Map(score.Low) - Margin), 0, 1),
            Math.Clamp(Math.Max(predicted, Map(score.High) + Margin), 0, 1)
        );
    }

    internal static StructureCalibration Fit(IReadOnlyList<CalibrationSample> samples)
    {
        // Each reference is predicted by a map that never saw it.
        var held = new List<(CalibrationSample Sample, double Predicted, double Miss)>();
        foreach (var reference in samples.GroupBy(sample => sample.Reference))
        {
            var others = samples.Where(sample => sample.Reference != reference.Key).ToList();
            var map = Knots(others.Count == 0 ? samples : others);
            held.AddRange(
                reference.Select(sample =>
                    (
                        sample,
                        map.Map(sample.Score.TopThree),
                        Math.Max(
                            map.Map(sample.Score.Low) - sample.RealDice,
                            sample.RealDice - map.Map(sample.Score.High)
                        )
                    )
                )
            );
        }
        double[] misses = [.. held.Select(h => h.Miss).Order()];
        var rank = (int)Math.Ceiling((misses.Length + 1) * Calibration.Coverage);
        var margin = Math.Max(0, misses[Math.Min(rank, misses.Length) - 1]);
        return Knots(samples) with
        {
            Margin = margin,
            MeanAbsoluteError = held.Average(h => Math.Abs(h.Predicted - h.Sample.RealDice)),
            RawMeanAbsoluteError = samples.Average(s => Math.Abs(s.Score.TopThree - s.RealDice)),
            Correlation = Pearson([.. held.Select(h => (h.Predicted, h.Sample.RealDice))]),
            Coverage = held.Average(h => h.Miss <= margin ? 1.0 : 0.0),
        };
    }

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
        CalibrationSample[] sorted = [.. samples.OrderBy(sample => sample.Score.TopThree)];
        var bins = Math.Clamp(sorted.Length / 8, 1, MostKnots);
        var blocks = new List<(double Score, double Dice, int Count)>();
        for (var bin = 0; bin < bins; bin++)
        {
            var part = sorted[(bin * sorted.Length / bins)..((bin + 1) * sorted.Length / bins)];
            blocks.Add(
                (part.Average(s => s.Score.TopThree), part.Average(s => s.RealDice), part.Length)
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
