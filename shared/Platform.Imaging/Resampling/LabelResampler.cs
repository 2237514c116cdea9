using System.Numerics;
using System.Numerics.Tensors;

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
        var (alongI, alongJ, alongK) = AxisWeights.Of(
            map,
            coarse,
            target.Shape,
            default,
            cubic: false
        );
        var labels = new byte[checked(ni * nj * nk)];
        // A worker takes a run of planes, so that a coarse plane is stretched along i once for the planes it serves.
        var runs = Math.Min(nk, 4 * Environment.ProcessorCount);
        Parallel.For(
            0,
            runs,
            run =>
            {
                var planes = new StretchedPlanes(logits, channels, coarse, alongI);
                var best = new float[ni];
                for (var k = nk * run / runs; k < nk * (run + 1) / runs; k++)
                {
                    if (!alongK.Inside[k])
                    {
                        continue;
                    }
                    planes.Blend(alongK, k);
                    for (var j = 0; j < nj; j++)
                    {
                        if (alongJ.Inside[j])
                        {
                            Row(
                                planes,
                                alongJ,
                                j,
                                alongI.Inside,
                                best,
                                labels.AsSpan(ni * (j + nj * k), ni)
                            );
                        }
                    }
                }
            }
        );
        return new Volume<byte>(target, labels);
    }

    /// <summary>One row of labels: two rows of each channel are blended and compared.</summary>
    private static void Row(
        StretchedPlanes planes,
        AxisWeights alongJ,
        int j,
        bool[] inside,
        Span<float> best,
        Span<byte> labels
    )
    {
        var (start, taps) = (alongJ.Start[j], alongJ.Taps);
        var first = alongJ.Weights[j * taps];
        var second = taps > 1 ? alongJ.Weights[j * taps + 1] : 0;
        best.Fill(float.NegativeInfinity);
        for (var channel = 0; channel < planes.Channels; channel++)
        {
            Largest(
                planes.Row(channel, start),
                first,
                planes.Row(channel, start + (taps > 1 ? 1 : 0)),
                second,
                best,
                labels,
                (byte)channel
            );
        }
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = inside[i] ? labels[i] : (byte)0;
        }
    }

    /// <summary>Where a · weightA + b · weightB beats the best so far, it becomes the best and its channel the label.</summary>
    internal static void Largest(
        ReadOnlySpan<float> a,
        float weightA,
        ReadOnlySpan<float> b,
        float weightB,
        Span<float> best,
        Span<byte> labels,
        byte channel
    )
    {
        var n = 0;
        var step = Vector<byte>.Count;
        var quarter = Vector<float>.Count;
        var (wa, wb) = (new Vector<float>(weightA), new Vector<float>(weightB));
        for (; n <= labels.Length - step; n += step)
        {
            var won = Vector.Narrow(
                Vector.Narrow(Beats(a, wa, b, wb, best, n), Beats(a, wa, b, wb, best, n + quarter)),
                Vector.Narrow(
                    Beats(a, wa, b, wb, best, n + 2 * quarter),
                    Beats(a, wa, b, wb, best, n + 3 * quarter)
                )
            );
            Vector
                .ConditionalSelect(
                    Vector.AsVectorByte(won),
                    new Vector<byte>(channel),
                    new Vector<byte>(labels[n..])
                )
                .CopyTo(labels[n..]);
        }
        for (; n < labels.Length; n++)
        {
            var value = a[n] * weightA + b[n] * weightB;
            if (value > best[n])
            {
                best[n] = value;
                labels[n] = channel;
            }
        }
    }

    private static Vector<int> Beats(
        ReadOnlySpan<float> a,
        Vector<float> weightA,
        ReadOnlySpan<float> b,
        Vector<float> weightB,
        Span<float> best,
        int at
    )
    {
        var value = new Vector<float>(a[at..]) * weightA + new Vector<float>(b[at..]) * weightB;
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
                best.AsSpan().Fill(float.NegativeInfinity);
                for (var channel = 0; channel < channels; channel++)
                {
                    ObliqueSampler.Plane(
                        map,
                        coarse,
                        target.Shape,
                        k,
                        float.MinValue,
                        new LinearSampler(logits.Slice(channel * voxels, voxels), coarse),
                        values
                    );
                    Largest(
                        values,
                        1,
                        values,
                        0,
                        best,
                        labels.AsSpan(k * ni * nj, ni * nj),
                        (byte)channel
                    );
                }
            }
        );
        return new Volume<byte>(target, labels);
    }

    /// <summary>
    /// Each channel at the target's resolution along i: the coarse planes last needed, stretched once for all target planes they serve, and the
    /// blend of them at one k.
    /// </summary>
    private sealed class StretchedPlanes(
        ReadOnlyMemory<float> logits,
        int channels,
        (int I, int J, int K) coarse,
        AxisWeights alongI
    )
    {
        private readonly float[][] _even = Buffers(channels, coarse.J * alongI.Count);
        private readonly float[][] _odd = Buffers(channels, coarse.J * alongI.Count);
        private readonly float[][] _blend = Buffers(channels, coarse.J * alongI.Count);
        private readonly int[] _held = [-1, -1];

        public int Channels => channels;

        public ReadOnlySpan<float> Row(int channel, int j) =>
            _blend[channel].AsSpan(j * alongI.Count, alongI.Count);

        public void Blend(AxisWeights alongK, int k)
        {
            var (start, taps) = (alongK.Start[k], alongK.Taps);
            var first = Hold(start);
            var second = taps > 1 ? Hold(start + 1) : first;
            for (var channel = 0; channel < channels; channel++)
            {
                var blend = _blend[channel];
                TensorPrimitives.Multiply(first[channel], alongK.Weights[k * taps], blend);
                if (taps > 1)
                {
                    TensorPrimitives.MultiplyAdd(
                        second[channel],
                        alongK.Weights[k * taps + 1],
                        blend,
                        blend
                    );
                }
            }
        }

        /// <summary>Neighbouring planes differ in parity, so the two that a target plane lies between are held at once.</summary>
        private float[][] Hold(int k)
        {
            var planes = (k & 1) == 0 ? _even : _odd;
            if (_held[k & 1] == k)
            {
                return planes;
            }
            _held[k & 1] = k;
            for (var channel = 0; channel < channels; channel++)
            {
                for (var j = 0; j < coarse.J; j++)
                {
                    var from = coarse.I * (j + coarse.J * (k + coarse.K * channel));
                    SeparableFilter.Along(
                        logits.Span.Slice(from, coarse.I),
                        alongI,
                        0,
                        planes[channel].AsSpan(j * alongI.Count, alongI.Count)
                    );
                }
            }
            return planes;
        }

        private static float[][] Buffers(int count, int length) =>
            [.. Enumerable.Range(0, count).Select(_ => new float[length])];
    }
}
