namespace Platform.Qc;

/// <summary>One structure's Dice with every reference, boiled down.</summary>
/// <param name="Max">The best reference's: the published estimator (Valindria 2017).</param>
/// <param name="Best">
/// Mean of the best fifth, at least three: nearly unbiased where max is too high, and the more so the more references there are. Of 8 retrieved references three
/// served best; of 90, over 40 hippocampi left out, the best three erred by 0.042 on average, the best 5 by 0.041, any number from 18 to 45 by 0.040.
/// </param>
/// <param name="Low">40th percentile over references.</param>
/// <param name="High">95th percentile over references.</param>
public readonly record struct StructureScore(double Max, double Best, double Low, double High)
{
    /// <summary>Boils scores down; at least one.</summary>
    public static StructureScore Of(IReadOnlyList<double> scores)
    {
        double[] sorted = [.. scores.Order()];
        return new(
            sorted[^1],
            sorted[^Math.Min(Math.Max(3, sorted.Length / 5), sorted.Length)..].Average(),
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
