namespace Platform.Imaging;

/// <summary>What lies beyond the first and last voxel of an axis.</summary>
internal enum Border
{
    /// <summary>The edge voxel, repeated.</summary>
    Clamp,

    /// <summary>The image mirrored at the centre of the edge voxel.</summary>
    Mirror,

    /// <summary>Nothing: what of the weights lies there is lost.</summary>
    Zero,
}

/// <summary>
/// One axis of a separable resampling as a banded matrix: target[t] = Σₙ Weights[t·Taps + n] · source[Start[t] + n].
/// Smoothing and interpolation are multiplied into one band; positions outside the field of view are marked.
/// </summary>
internal sealed class AxisWeights
{
    private AxisWeights(int count, int taps)
    {
        Taps = taps;
        Start = new int[count];
        Inside = new bool[count];
        Weights = new float[count * taps];
    }

    public int Taps { get; }
    public int[] Start { get; }
    public bool[] Inside { get; }
    public float[] Weights { get; }

    public int Count => Start.Length;

    /// <summary>Interpolation between parallel grids after a Gaussian of sigma source voxels: linear, or a cubic B-spline on prefiltered coefficients.</summary>
    public static (AxisWeights I, AxisWeights J, AxisWeights K) Of(
        GridMap map,
        (int I, int J, int K) source,
        (int I, int J, int K) target,
        (double I, double J, double K) sigma,
        bool cubic
    )
    {
        return (
            Axis(0, source.I, target.I, sigma.I),
            Axis(1, source.J, target.J, sigma.J),
            Axis(2, source.K, target.K, sigma.K)
        );

        AxisWeights Axis(int axis, int from, int to, double blur) =>
            Build(
                from,
                to,
                map.M[4 * axis + 3],
                map.M[5 * axis],
                blur,
                cubic ? Border.Mirror : Border.Clamp,
                cubic ? CubicBasis : LinearBasis
            );
    }

    /// <summary>Smoothing only.</summary>
    public static AxisWeights Gaussian(int count, double sigma, Border border) =>
        Build(count, count, 0, 1, sigma, border, LinearBasis);

    /// <summary>Samples a Gaussian at whole voxels to 4σ and scales it to sum 1, as scipy.ndimage does.</summary>
    private static double[] GaussianKernel(double sigma)
    {
        var radius = (int)(4 * sigma + 0.5);
        var kernel = new double[2 * radius + 1];
        for (var n = -radius; n <= radius; n++)
        {
            kernel[n + radius] = sigma > 0 ? Math.Exp(-0.5 * n * n / (sigma * sigma)) : 1;
        }
        var sum = kernel.Sum();
        return [.. kernel.Select(weight => weight / sum)];
    }

    public static int Fold(int n, int count, Border border)
    {
        if (border == Border.Clamp || count == 1)
        {
            return Math.Clamp(n, 0, count - 1);
        }
        var period = 2 * count - 2;
        n = Math.Abs(n) % period;
        return n < count ? n : period - n;
    }

    /// <summary>Weights of a cubic B-spline for the voxels floor(x) − 1 … floor(x) + 2.</summary>
    private static void CubicBasis(double fraction, Span<double> weights)
    {
        var (t, u) = (fraction, 1 - fraction);
        weights[0] = u * u * u / 6;
        weights[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
        weights[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
        weights[3] = t * t * t / 6;
    }

    private static void LinearBasis(double fraction, Span<double> weights)
    {
        weights[0] = 0;
        weights[1] = 1 - fraction;
        weights[2] = fraction;
        weights[3] = 0;
    }

    private delegate void Basis(double fraction, Span<double> weights);

    private static AxisWeights Build(
        int source,
        int target,
        double offset,
        double step,
        double sigma,
        Border border,
        Basis basis
    )
    {
        var kernel = GaussianKernel(sigma);
        var radius = kernel.Length / 2;
        var rows = new double[target][];
        var starts = new int[target];
        var taps = 1;
        Span<double> four = stackalloc double[4];
        for (var t = 0; t < target; t++)
        {
            var x = offset + step * t;
            if (!GridMap.IsInside(x, source))
            {
                continue;
            }
            var floor = (int)Math.Floor(x);
            basis(x - floor, four);
            var dense = new SortedDictionary<int, double>();
            for (var a = 0; a < 4; a++)
            {
                for (var m = -radius; m <= radius && four[a] != 0; m++)
                {
                    var at = floor - 1 + a + m;
                    if (border == Border.Zero && (uint)at >= (uint)source)
                    {
                        continue;
                    }
                    at = Fold(at, source, border);
                    dense[at] = dense.GetValueOrDefault(at) + four[a] * kernel[m + radius];
                }
            }
            var used = dense.Where(pair => Math.Abs(pair.Value) > 1e-7).ToArray();
            starts[t] = used[0].Key;
            rows[t] = new double[used[^1].Key - used[0].Key + 1];
            foreach (var (at, weight) in used)
            {
                rows[t][at - starts[t]] = weight;
            }
            taps = Math.Max(taps, rows[t].Length);
        }
        var result = new AxisWeights(target, taps);
        for (var t = 0; t < target; t++)
        {
            if (rows[t] is not { } row)
            {
                continue;
            }
            result.Inside[t] = true;
            result.Start[t] = Math.Min(starts[t], source - taps);
            for (var n = 0; n < row.Length; n++)
            {
                result.Weights[t * taps + starts[t] - result.Start[t] + n] = (float)row[n];
            }
        }
        return result;
    }
}
