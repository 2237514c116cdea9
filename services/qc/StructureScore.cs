namespace Platform.Qc;

/// <summary>One structure's Dice with every reference, boiled down.</summary>
/// <param name="Max">The best reference's: the published estimator (Valindria 2017).</param>
/// <param name="TopThree">Mean of the three best: nearly unbiased where max is too high, and the more so the more references there are.</param>
/// <param name="Low">40th percentile over references.</param>
/// <param name="High">95th percentile over references.</param>
public readonly record struct StructureScore(double Max, double TopThree, double Low, double High)
{
    /// <summary>Boils scores down; at least one.</summary>
    public static StructureScore Of(IReadOnlyList<double> scores)
    {
        double[] sorted = [.. scores.Order()];
        return new(
            sorted[^1],
            sorted[^Math.Min(3, sorted.Length)..].Average(),
            Percentile(sorted, 0.40),
            Percentile(sorted, 0.95)
        );
    }

    /// <summary>Linear interpolation between order statistics.</summary>
    internal static double Percentile(double[] sorted, double fraction)
    {
        var position = fraction * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
