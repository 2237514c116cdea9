namespace Platform.Training.Synthesis;

/// <summary>
/// A small generator (splitmix64) whose stream depends only on a seed and a sample index, so sample n of a run is the same
/// whether or not samples 0 … n − 1 were drawn: a resumed run sees what an uninterrupted one would have seen.
/// </summary>
public sealed class FastRandom(long seed, long index)
{
    private static readonly float[] Gaussians = GaussianTable();
    private ulong _state = Mix(Mix((ulong)seed) + (ulong)index);

    /// <summary>Uniform over 64 bits.</summary>
    public ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low = 0, double high = 1) =>
        low + (high - low) * ((NextBits() >> 11) * (1.0 / (1UL << 53)));

    /// <summary>Uniform in 0 … count − 1.</summary>
    public int Next(int count) => (int)(Uniform() * count);

    /// <summary>True with a probability.</summary>
    public bool Chance(double probability) => Uniform() < probability;

    /// <summary>Standard normal, from a table of 65,536 quantiles: |value| &lt; 4.4.</summary>
    public float Gaussian() => Gaussians[NextBits() >> 48];

    /// <summary>Fills with standard normal values, four from each 64 bits.</summary>
    public void FillGaussian(Span<float> values)
    {
        ulong bits = 0;
        for (var n = 0; n < values.Length; n++)
        {
            bits = (n & 3) == 0 ? NextBits() : bits >> 16;
            values[n] = Gaussians[bits & 0xFFFF];
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // Quantiles of the normal distribution at the centres of 65,536 equal steps of probability, by bisection on its integral.
    private static float[] GaussianTable()
    {
        const int half = 1 << 15;
        var table = new float[2 * half];
        // Integrates the density in small steps from zero; each crossing of (n + ½) / 65,536 is a quantile.
        double x = 0,
            area = 0;
        const double step = 1e-4;
        for (var n = 0; n < half; n++)
        {
            var wanted = (n + 0.5) / (2 * half);
            while (area < wanted)
            {
                area +=
                    step * Math.Exp(-(x + step / 2) * (x + step / 2) / 2) / Math.Sqrt(2 * Math.PI);
                x += step;
            }
            table[half + n] = (float)x;
            table[half - 1 - n] = -(float)x;
        }
        return table;
    }
}
