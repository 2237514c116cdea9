namespace Platform.Imaging;

/// <summary>Samples a grid at the voxels of another that lies at any angle to it, row by row of the target.</summary>
internal static class ObliqueSampler
{
    private const double Edge = 1e-4;

    /// <summary>A value of the source at a point inside its field of view, in source voxels.</summary>
    public delegate T Sample<T>(double i, double j, double k);

    public static T[] Apply<T>(
        GridMap map,
        (int I, int J, int K) source,
        (int I, int J, int K) target,
        T outside,
        Sample<T> sample
    )
    {
        var result = GC.AllocateUninitializedArray<T>(checked(target.I * target.J * target.K));
        Parallel.For(
            0,
            target.K,
            k =>
                Plane(
                    map,
                    source,
                    target,
                    k,
                    outside,
                    sample,
                    result.AsSpan(k * target.I * target.J, target.I * target.J)
                )
        );
        return result;
    }

    /// <summary>One target plane.</summary>
    public static void Plane<T>(
        GridMap map,
        (int I, int J, int K) source,
        (int I, int J, int K) target,
        int k,
        T outside,
        Sample<T> sample,
        Span<T> plane
    )
    {
        var m = map.M;
        for (var j = 0; j < target.J; j++)
        {
            var (x, y, z) = (
                m[1] * j + m[2] * k + m[3],
                m[5] * j + m[6] * k + m[7],
                m[9] * j + m[10] * k + m[11]
            );
            var (from, to) = (0, target.I);
            Clip(x, m[0], source.I, ref from, ref to);
            Clip(y, m[4], source.J, ref from, ref to);
            Clip(z, m[8], source.K, ref from, ref to);
            var row = plane.Slice(j * target.I, target.I);
            row.Fill(outside);
            for (var i = from; i < to; i++)
            {
                row[i] = sample(x + m[0] * i, y + m[4] * i, z + m[8] * i);
            }
        }
    }

    /// <summary>Trilinear, edge voxels repeated; clamped indices only.</summary>
    public static Sample<float> Linear(ReadOnlyMemory<float> voxels, (int I, int J, int K) shape)
    {
        var (strideJ, strideK) = (shape.I, shape.I * shape.J);
        return (i, j, k) =>
        {
            var v = voxels.Span;
            var (i0, fi, di) = Split(i, shape.I, 1);
            var (j0, fj, dj) = Split(j, shape.J, strideJ);
            var (k0, fk, dk) = Split(k, shape.K, strideK);
            var n = i0 + j0 * strideJ + k0 * strideK;
            var c00 = Lerp(v[n], v[n + di], fi);
            var c10 = Lerp(v[n + dj], v[n + dj + di], fi);
            var c01 = Lerp(v[n + dk], v[n + dk + di], fi);
            var c11 = Lerp(v[n + dj + dk], v[n + dj + dk + di], fi);
            return Lerp(Lerp(c00, c10, fj), Lerp(c01, c11, fj), fk);
        };
    }

    /// <summary>Cubic B-spline on prefiltered coefficients, mirrored at the edges.</summary>
    public static Sample<float> Cubic(float[] coefficients, (int I, int J, int K) shape) =>
        (i, j, k) =>
        {
            Span<double> wi = stackalloc double[4];
            Span<double> wj = stackalloc double[4];
            Span<double> wk = stackalloc double[4];
            Span<int> ii = stackalloc int[4];
            Span<int> jj = stackalloc int[4];
            Span<int> kk = stackalloc int[4];
            Taps(i, shape.I, 1, wi, ii);
            Taps(j, shape.J, shape.I, wj, jj);
            Taps(k, shape.K, shape.I * shape.J, wk, kk);
            var sum = 0.0;
            for (var c = 0; c < 4; c++)
            {
                for (var b = 0; b < 4; b++)
                {
                    var n = kk[c] + jj[b];
                    var line =
                        coefficients[n + ii[0]] * wi[0]
                        + coefficients[n + ii[1]] * wi[1]
                        + coefficients[n + ii[2]] * wi[2]
                        + coefficients[n + ii[3]] * wi[3];
                    sum += wk[c] * wj[b] * line;
                }
            }
            return (float)sum;
        };

    /// <summary>The nearest voxel; halves go up.</summary>
    public static Sample<T> Nearest<T>(T[] voxels, (int I, int J, int K) shape) =>
        (i, j, k) =>
            voxels[Round(i, shape.I) + shape.I * (Round(j, shape.J) + shape.J * Round(k, shape.K))];

    public static int Round(double x, int count) =>
        Math.Clamp((int)Math.Floor(x + 0.5), 0, count - 1);

    private static void Taps(double x, int count, int stride, Span<double> weights, Span<int> at)
    {
        var floor = (int)Math.Floor(x);
        AxisWeights.CubicBasis(x - floor, weights);
        for (var n = 0; n < 4; n++)
        {
            at[n] = stride * AxisWeights.Fold(floor - 1 + n, count, Border.Mirror);
        }
    }

    private static (int Index, float Fraction, int Step) Split(double x, int count, int stride)
    {
        x = Math.Clamp(x, 0, count - 1);
        var index = Math.Min((int)x, Math.Max(count - 2, 0));
        return (index, (float)(x - index), count > 1 ? stride : 0);
    }

    private static float Lerp(float a, float b, float t) => a + (b - a) * t;

    /// <summary>Narrows [from, to) to where −½ ≤ start + step·i ≤ count − ½.</summary>
    private static void Clip(double start, double step, int count, ref int from, ref int to)
    {
        var (low, high) = (-0.5 - Edge - start, count - 0.5 + Edge - start);
        if (Math.Abs(step) < 1e-12)
        {
            to = low <= 0 && high >= 0 ? to : from;
            return;
        }
        var (a, b) = step > 0 ? (low / step, high / step) : (high / step, low / step);
        from = Math.Max(from, (int)Math.Clamp(Math.Ceiling(a), 0, int.MaxValue));
        to = Math.Min(to, (int)Math.Clamp(Math.Floor(b) + 1, 0, int.MaxValue));
    }
}
