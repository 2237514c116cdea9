using System.Numerics;
using System.Runtime.InteropServices;

namespace Platform.Imaging;

/// <summary>Turns class scores on a coarse grid into labels on a fine one, plane by plane: scores are never held at full resolution.</summary>
public static class LabelResampler
{
    /// <summary>The class whose trilinearly interpolated score is largest at each target voxel; ties go to the lower class.</summary>
    /// <param name="logits">Scores (logits or probabilities), channels first: C×K×J×I, i fastest.</param>
    /// <param name="coarse">The grid of the scores.</param>
    /// <param name="target">The grid of the labels. Parallel grids take the fast path.</param>
    /// <returns>Channel indices; 0 outside the field of view of the scores.</returns>
    /// <exception cref="ArgumentException">The length is not a whole number of 1 to 256 channels.</exception>
    public static Volume<byte> ArgmaxLinear(
        ReadOnlyMemory<float> logits,
        VolumeGeometry coarse,
        VolumeGeometry target
    )
    {
        var voxels = checked((int)coarse.VoxelCount);
        var channels = logits.Length / voxels;
        if (channels is < 1 or > 256 || logits.Length % voxels != 0)
        {
            throw new ArgumentException(
                $"{logits.Length} scores are not 1 to 256 channels of {voxels} voxels",
                nameof(logits)
            );
        }
        var turned = Orienter.ToOrientation(target, coarse.Orientation);
        var map = new GridMap(coarse, turned);
        var labels = map.Aligned
            ? Aligned(logits, channels, coarse.Shape, turned, map)
            : Oblique(logits, channels, coarse.Shape, turned, map);
        return Orienter.Restore(labels, coarse.Orientation, target);
    }

    private static Volume<byte> Aligned(
        ReadOnlyMemory<float> logits,
        int channels,
        (int I, int J, int K) coarse,
        VolumeGeometry target,
        GridMap map
    )
    {
        var (ni, nj, nk) = target.Shape;
        var m = map.M;
        var alongI = AxisWeights.Linear(coarse.I, ni, m[3], m[0], 0);
        var alongJ = AxisWeights.Linear(coarse.J, nj, m[7], m[5], 0);
        var alongK = AxisWeights.Linear(coarse.K, nk, m[11], m[10], 0);
        var labels = new byte[checked(ni * nj * nk)];
        // A worker takes a run of planes, so that a coarse plane is stretched along i once for the planes it serves.
        var runs = Math.Min(nk, 4 * Environment.ProcessorCount);
        Parallel.For(
            0,
            runs,
            run =>
            {
                var stretched = new StretchedPlanes(logits, channels, coarse, alongI);
                var planes = new float[channels][];
                for (var channel = 0; channel < channels; channel++)
                {
                    planes[channel] = new float[coarse.J * ni];
                }
                var best = new float[ni];
                var row = new float[ni];
                for (var k = nk * run / runs; k < nk * (run + 1) / runs; k++)
                {
                    if (!alongK.Inside[k])
                    {
                        continue;
                    }
                    for (var channel = 0; channel < channels; channel++)
                    {
                        stretched.Blend(channel, alongK, k, planes[channel]);
                    }
                    for (var j = 0; j < nj; j++)
                    {
                        if (!alongJ.Inside[j])
                        {
                            continue;
                        }
                        var target = labels.AsSpan(ni * (j + nj * k), ni);
                        for (byte channel = 0; channel < channels; channel++)
                        {
                            var values = SeparableFilter.Blend(
                                planes[channel],
                                ni,
                                ni,
                                alongJ,
                                j,
                                row
                            );
                            if (channel == 0)
                            {
                                values.CopyTo(best);
                            }
                            else
                            {
                                Largest(values, best, target, channel);
                            }
                            if (channel == 255)
                            {
                                break;
                            }
                        }
                        for (var i = 0; i < ni; i++)
                        {
                            target[i] = alongI.Inside[i] ? target[i] : (byte)0;
                        }
                    }
                }
            }
        );
        return new Volume<byte>(target, labels);
    }

    /// <summary>Where a value beats the best so far, it becomes the best and its channel the label.</summary>
    internal static void Largest(
        ReadOnlySpan<float> values,
        Span<float> best,
        Span<byte> labels,
        byte channel
    )
    {
        var n = 0;
        var step = Vector<byte>.Count;
        var quarter = Vector<float>.Count;
        for (; n <= values.Length - step; n += step)
        {
            var a = Beats(values, best, n);
            var b = Beats(values, best, n + quarter);
            var c = Beats(values, best, n + 2 * quarter);
            var d = Beats(values, best, n + 3 * quarter);
            var won = Vector.Narrow(Vector.Narrow(a, b), Vector.Narrow(c, d));
            Vector
                .ConditionalSelect(
                    Vector.AsVectorByte(won),
                    new Vector<byte>(channel),
                    new Vector<byte>(labels[n..])
                )
                .CopyTo(labels[n..]);
        }
        for (; n < values.Length; n++)
        {
            if (values[n] > best[n])
            {
                best[n] = values[n];
                labels[n] = channel;
            }
        }
    }

    private static Vector<int> Beats(ReadOnlySpan<float> values, Span<float> best, int at)
    {
        var value = new Vector<float>(values[at..]);
        var old = new Vector<float>(best[at..]);
        var won = Vector.GreaterThan(value, old);
        Vector.ConditionalSelect(won, value, old).CopyTo(best[at..]);
        return won;
    }

    private static Volume<byte> Oblique(
        ReadOnlyMemory<float> logits,
        int channels,
        (int I, int J, int K) coarse,
        VolumeGeometry target,
        GridMap map
    )
    {
        var (ni, nj, nk) = target.Shape;
        var voxels = coarse.I * coarse.J * coarse.K;
        var labels = new byte[checked(ni * nj * nk)];
        Parallel.For(
            0,
            nk,
            k =>
            {
                var best = new float[ni * nj];
                var values = new float[ni * nj];
                var plane = labels.AsSpan(k * ni * nj, ni * nj);
                for (var channel = 0; channel < channels; channel++)
                {
                    ObliqueSampler.Plane(
                        map,
                        coarse,
                        target.Shape,
                        k,
                        float.NegativeInfinity,
                        ObliqueSampler.Linear(logits.Slice(channel * voxels, voxels), coarse),
                        channel == 0 ? best : values
                    );
                    if (channel > 0)
                    {
                        Largest(values, best, plane, (byte)channel);
                    }
                }
            }
        );
        return new Volume<byte>(target, labels);
    }

    /// <summary>The two latest coarse planes of each channel, already at the target's resolution along i.</summary>
    private sealed class StretchedPlanes(
        ReadOnlyMemory<float> logits,
        int channels,
        (int I, int J, int K) coarse,
        AxisWeights alongI
    )
    {
        private readonly Dictionary<int, float[]>[] _held =
        [
            .. Enumerable.Range(0, channels).Select(_ => new Dictionary<int, float[]>()),
        ];

        public void Blend(int channel, AxisWeights alongK, int k, float[] target)
        {
            var held = _held[channel];
            var (start, taps) = (alongK.Start[k], alongK.Taps);
            foreach (var old in held.Keys.Where(n => n < start || n >= start + taps).ToArray())
            {
                held.Remove(old);
            }
            Array.Clear(target);
            for (var n = 0; n < taps; n++)
            {
                var weight = alongK.Weights[k * taps + n];
                if (weight == 0)
                {
                    continue;
                }
                ref var plane = ref CollectionsMarshal.GetValueRefOrAddDefault(
                    held,
                    start + n,
                    out var _
                );
                plane ??= Stretch(channel, start + n);
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(plane, weight, target, target);
            }
        }

        private float[] Stretch(int channel, int k)
        {
            var plane = new float[coarse.J * alongI.Count];
            for (var j = 0; j < coarse.J; j++)
            {
                var from = coarse.I * (j + coarse.J * (k + coarse.K * channel));
                SeparableFilter.Along(
                    logits.Span.Slice(from, coarse.I),
                    alongI,
                    0,
                    plane.AsSpan(j * alongI.Count, alongI.Count)
                );
            }
            return plane;
        }
    }
}
