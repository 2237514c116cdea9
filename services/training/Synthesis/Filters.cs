using System.Numerics.Tensors;

namespace Platform.Training.Synthesis;

/// <summary>Separable filters along one axis of a volume (i fastest); the border value is repeated outside.</summary>
public static class Filters
{
    /// <summary>Convolves with a sampled Gaussian, cut at three deviations.</summary>
    /// <param name="voxels">The volume.</param>
    /// <param name="shape">Voxels along i, j, k.</param>
    /// <param name="axis">0 = i, 1 = j, 2 = k.</param>
    /// <param name="sigma">Deviation in voxels; below 0.05 nothing is done.</param>
    public static float[] Gaussian(
        float[] voxels,
        (int I, int J, int K) shape,
        int axis,
        double sigma
    )
    {
        if (sigma < 0.05)
        {
            return voxels;
        }
        var radius = Math.Max(1, (int)Math.Ceiling(3 * sigma));
        var kernel = new float[2 * radius + 1];
        for (var n = -radius; n <= radius; n++)
        {
            kernel[n + radius] = (float)Math.Exp(-n * n / (2 * sigma * sigma));
        }
        var sum = TensorPrimitives.Sum<float>(kernel);
        TensorPrimitives.Divide(kernel, sum, kernel);
        return Along(
            voxels,
            shape,
            axis,
            Length(shape, axis),
            (position, add) =>
            {
                for (var n = -radius; n <= radius; n++)
                {
                    add(position + n, kernel[n + radius]);
                }
            }
        );
    }

    /// <summary>
    /// Keeps one sample every <paramref name="step"/> voxels (from <paramref name="phase"/> on) and interpolates linearly between them
    /// on the old grid: what a coarse acquisition looks like after resampling. Blur first.
    /// </summary>
    public static float[] Coarsen(
        float[] voxels,
        (int I, int J, int K) shape,
        int axis,
        double step,
        double phase
    ) =>
        Along(
            voxels,
            shape,
            axis,
            Length(shape, axis),
            (position, add) =>
            {
                var slice = Math.Floor((position - phase) / step);
                var fraction = (position - phase) / step - slice;
                Sample(slice * step + phase, 1 - fraction, add);
                Sample((slice + 1) * step + phase, fraction, add);
            }
        );

    /// <summary>Interpolates linearly at <paramref name="count"/> positions (in voxels) along an axis.</summary>
    public static float[] SampleAt(
        float[] voxels,
        (int I, int J, int K) shape,
        int axis,
        int count,
        Func<int, double> position
    ) => Along(voxels, shape, axis, count, (n, add) => Sample(position(n), 1, add));

    private static void Sample(double position, double weight, Action<int, float> add)
    {
        var whole = (int)Math.Floor(position);
        var fraction = position - whole;
        add(whole, (float)(weight * (1 - fraction)));
        add(whole + 1, (float)(weight * fraction));
    }

    private static int Length((int I, int J, int K) shape, int axis) =>
        axis == 0 ? shape.I
        : axis == 1 ? shape.J
        : shape.K;

    /// <summary>Every output position along the axis is a weighted sum of input positions, the same for all lines.</summary>
    private static float[] Along(
        float[] voxels,
        (int I, int J, int K) shape,
        int axis,
        int count,
        Action<int, Action<int, float>> weigh
    )
    {
        var length = Length(shape, axis);
        var terms = new List<(int Source, float Weight)>[count];
        for (var n = 0; n < count; n++)
        {
            var list = terms[n] = [];
            weigh(n, (source, weight) => list.Add((Math.Clamp(source, 0, length - 1), weight)));
        }
        // Voxels before the axis form contiguous runs that can be added as vectors; along i the run is one voxel.
        var run =
            axis == 0 ? 1
            : axis == 1 ? shape.I
            : shape.I * shape.J;
        var blocks = voxels.Length / (run * length);
        var result = new float[blocks * run * count];
        if (axis == 0)
        {
            for (var block = 0; block < blocks; block++)
            {
                var line = voxels.AsSpan(block * length, length);
                for (var n = 0; n < count; n++)
                {
                    var sum = 0f;
                    foreach (var (source, weight) in terms[n])
                    {
                        sum += line[source] * weight;
                    }
                    result[block * count + n] = sum;
                }
            }
            return result;
        }
        for (var block = 0; block < blocks; block++)
        {
            for (var n = 0; n < count; n++)
            {
                var target = result.AsSpan((block * count + n) * run, run);
                foreach (var (source, weight) in terms[n])
                {
                    TensorPrimitives.MultiplyAdd(
                        voxels.AsSpan((block * length + source) * run, run),
                        weight,
                        target,
                        target
                    );
                }
            }
        }
        return result;
    }
}
