namespace Platform.Imaging.Tests;

/// <summary>Comparisons that name the first entry out of tolerance.</summary>
internal static class Approximately
{
    /// <summary>|expected − actual| ≤ tolerance · range of expected, entry by entry.</summary>
    public static void Equal(float[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var range = (double)expected.Max() - expected.Min();
        for (var n = 0; n < expected.Length; n++)
        {
            Assert.True(
                Math.Abs((double)expected[n] - actual[n]) <= tolerance * range,
                $"{what}[{n}]: {actual[n]} where {expected[n]} was expected (range {range})"
            );
        }
    }
}
