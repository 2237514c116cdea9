using System.Numerics.Tensors;

namespace Platform.Imaging;

/// <summary>
/// Coefficients whose cubic B-spline passes through the samples, mirrored at the centres of the edge voxels: one causal and one anticausal
/// recursion an axis with the pole √3 − 2 (Unser, Splines: a perfect fit, IEEE SP Magazine 1999).
/// </summary>
internal static class SplinePrefilter
{
    private static readonly float Pole = (float)(Math.Sqrt(3) - 2);
    private const float Gain = 6;

    // |pole|^24 < 2e-14: the sum that starts the recursion is exact to double precision.
    private const int Horizon = 24;

    public static float[] Coefficients(ReadOnlySpan<float> samples, (int I, int J, int K) shape)
    {
        var c = samples.ToArray();
        var (ni, nj, nk) = shape;
        Parallel.For(
            0,
            nk,
            k =>
            {
                var plane = c.AsSpan(k * ni * nj, ni * nj);
                for (var j = 0; j < nj && ni > 1; j++)
                {
                    Line(plane.Slice(j * ni, ni));
                }
                Lines(plane, nj, ni, ni);
            }
        );
        Parallel.For(0, nj, j => Lines(c.AsSpan(j * ni), nk, ni * nj, ni));
        return c;
    }

    /// <summary>The recursions along one contiguous line: the scalar oracle of <see cref="Lines"/>.</summary>
    public static void Line(Span<float> c)
    {
        if (c.Length < 2)
        {
            return;
        }
        var last = c.Length - 1;
        var sum = 0.0;
        for (var n = Math.Min(Horizon, 2 * last - 1); n >= 0; n--)
        {
            sum = sum * Pole + c[AxisWeights.Fold(n, c.Length, Border.Mirror)];
        }
        // Short lines: the mirrored signal repeats after 2·last samples, a geometric series.
        var first = 2 * last <= Horizon ? sum / (1 - Math.Pow(Pole, 2 * last)) : sum;
        var previous = (float)(Gain * first);
        c[0] = previous;
        for (var n = 1; n < c.Length; n++)
        {
            previous = c[n] = Gain * c[n] + Pole * previous;
        }
        previous = c[last] = Pole / (Pole * Pole - 1) * (c[last] + Pole * c[last - 1]);
        for (var n = last - 1; n >= 0; n--)
        {
            previous = c[n] = Pole * (previous - c[n]);
        }
    }

    /// <summary>The same for <paramref name="width"/> neighbouring lines at once, sample n of all of them at n·stride.</summary>
    private static void Lines(Span<float> c, int count, int stride, int width)
    {
        if (count < 2)
        {
            return;
        }
        var last = count - 1;
        var terms = Math.Min(Horizon, 2 * last - 1);
        var sum = new float[width];
        for (var n = terms; n >= 0; n--)
        {
            var at = AxisWeights.Fold(n, count, Border.Mirror);
            TensorPrimitives.MultiplyAdd(sum, Pole, c.Slice(at * stride, width), sum);
        }
        var scale = 2 * last <= Horizon ? Gain / (1 - Math.Pow(Pole, 2 * last)) : Gain;
        TensorPrimitives.Multiply(sum, (float)scale, c[..width]);
        for (var n = 1; n < count; n++)
        {
            var line = c.Slice(n * stride, width);
            TensorPrimitives.Multiply(line, Gain, line);
            TensorPrimitives.MultiplyAdd(c.Slice((n - 1) * stride, width), Pole, line, line);
        }
        var end = c.Slice(last * stride, width);
        TensorPrimitives.MultiplyAdd(c.Slice((last - 1) * stride, width), Pole, end, end);
        TensorPrimitives.Multiply(end, Pole / (Pole * Pole - 1), end);
        for (var n = last - 1; n >= 0; n--)
        {
            var line = c.Slice(n * stride, width);
            TensorPrimitives.Subtract(c.Slice((n + 1) * stride, width), line, line);
            TensorPrimitives.Multiply(line, Pole, line);
        }
    }
}
