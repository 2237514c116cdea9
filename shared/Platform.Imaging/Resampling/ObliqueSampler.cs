namespace Platform.Imaging;

/// <summary>Samples a grid at the voxels of another that lies at any angle to it, row by row of the target.</summary>
internal static class ObliqueSampler
{
    public static T[] Apply<T, TSampler>(
        GridMap map,
        (int I, int J, int K) source,
        (int I, int J, int K) target,
        T outside,
        TSampler sampler
    )
        where TSampler : struct, ISampler<T>
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
                    sampler,
                    result.AsSpan(k * target.I * target.J, target.I * target.J)
                )
        );
        return result;
    }

    /// <summary>One target plane.</summary>
    public static void Plane<T, TSampler>(
        GridMap map,
        (int I, int J, int K) source,
        (int I, int J, int K) target,
        int k,
        T outside,
        TSampler sampler,
        Span<T> plane
    )
        where TSampler : struct, ISampler<T>
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
                row[i] = sampler.At(x + m[0] * i, y + m[4] * i, z + m[8] * i);
            }
        }
    }

    public static int Round(double x, int count) =>
        Math.Clamp((int)Math.Floor(x + 0.5), 0, count - 1);

    /// <summary>Narrows [from, to) to where −½ ≤ start + step·i ≤ count − ½.</summary>
    private static void Clip(double start, double step, int count, ref int from, ref int to)
    {
        var (low, high) = (-0.5 - GridMap.Edge - start, count - 0.5 + GridMap.Edge - start);
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
