using System.Numerics.Tensors;

namespace Platform.Imaging;

/// <summary>
/// Applies one banded matrix an axis, plane by plane of the target: source planes are blended along k, rows along j, and voxels
/// along i, so that what is in between is one plane a worker and stays in the cache.
/// </summary>
internal static class SeparableFilter
{
    public static float[] Apply(
        ReadOnlyMemory<float> source,
        (int I, int J, int K) shape,
        AxisWeights alongI,
        AxisWeights alongJ,
        AxisWeights alongK,
        float outside
    )
    {
        var result = GC.AllocateUninitializedArray<float>(
            checked(alongI.Count * alongJ.Count * alongK.Count)
        );
        Apply(source, shape, alongI, alongJ, alongK, outside, result, new());
        return result;
    }

    public static void Apply(
        ReadOnlyMemory<float> source,
        (int I, int J, int K) shape,
        AxisWeights alongI,
        AxisWeights alongJ,
        AxisWeights alongK,
        float outside,
        float[] result,
        ParallelOptions parallel
    )
    {
        var (ni, nj) = (alongI.Count, alongJ.Count);
        Parallel.For(
            0,
            alongK.Count,
            parallel,
            () => (Plane: new float[shape.I * shape.J], Row: new float[shape.I]),
            (k, _, buffers) =>
            {
                var target = result.AsSpan(k * ni * nj, ni * nj);
                if (!alongK.Inside[k])
                {
                    target.Fill(outside);
                    return buffers;
                }
                var plane = Blend(
                    source.Span,
                    shape.I * shape.J,
                    shape.I,
                    alongK,
                    k,
                    buffers.Plane
                );
                for (var j = 0; j < nj; j++)
                {
                    var row = target.Slice(j * ni, ni);
                    if (alongJ.Inside[j])
                    {
                        Along(
                            Blend(plane, shape.I, shape.I, alongJ, j, buffers.Row),
                            alongI,
                            outside,
                            row
                        );
                    }
                    else
                    {
                        row.Fill(outside);
                    }
                }
                return buffers;
            },
            _ => { }
        );
    }

    /// <summary>Σₙ weight · line(start + n) for lines of <paramref name="stride"/> floats, in pieces that stay in the first-level cache.</summary>
    public static ReadOnlySpan<float> Blend(
        ReadOnlySpan<float> source,
        int stride,
        int piece,
        AxisWeights weights,
        int at,
        float[] buffer
    )
    {
        var first = source.Slice(weights.Start[at] * stride);
        var w = weights.Weights.AsSpan(at * weights.Taps, weights.Taps);
        if (w.Length == 1 && w[0] == 1)
        {
            return first[..stride];
        }
        var target = buffer.AsSpan(0, stride);
        for (var from = 0; from < stride; from += piece)
        {
            var part = target.Slice(from, Math.Min(piece, stride - from));
            TensorPrimitives.Multiply(first.Slice(from, part.Length), w[0], part);
            for (var n = 1; n < w.Length; n++)
            {
                if (w[n] != 0)
                {
                    TensorPrimitives.MultiplyAdd(
                        first.Slice(n * stride + from, part.Length),
                        w[n],
                        part,
                        part
                    );
                }
            }
        }
        return target;
    }

    /// <summary>The pass along i.</summary>
    public static void Along(
        ReadOnlySpan<float> row,
        AxisWeights weights,
        float outside,
        Span<float> target
    )
    {
        var taps = weights.Taps;
        var w = weights.Weights;
        for (var t = 0; t < target.Length; t++)
        {
            if (!weights.Inside[t])
            {
                target[t] = outside;
                continue;
            }
            var values = row.Slice(weights.Start[t], taps);
            var at = t * taps;
            var sum = values[0] * w[at];
            for (var n = 1; n < values.Length; n++)
            {
                sum += values[n] * w[at + n];
            }
            target[t] = sum;
        }
    }
}
