using System.Numerics.Tensors;
using Platform.Imaging;

namespace Platform.Inference;

/// <summary>Drops what a network scatters beside the brain, or beside a structure's largest connected component.</summary>
internal static class Islands
{
    /// <summary>Voxels around the largest component in which interpolated scores may still be the structure's.</summary>
    private const int Reach = 2;

    /// <summary>
    /// Makes background (channel 0) the first choice of every voxel outside the largest component of all other channels together. Scores inside
    /// it stay, so its border stays where it was, on this grid and on any finer one the scores are interpolated to.
    /// </summary>
    /// <param name="logits">Channel after channel; changed.</param>
    /// <param name="classes">The winning channel of each voxel; changed to match.</param>
    public static void KeepLargestForeground(float[] logits, Volume<byte> classes)
    {
        var foreground = new Volume<byte>(classes.Geometry);
        TensorPrimitives.Min<byte>(classes.Voxels, 1, foreground.Voxels);
        var kept = ConnectedComponents.KeepLargest(foreground, Connectivity.Faces);
        for (var n = 0; n < kept.Voxels.Length; n++)
        {
            if (classes.Voxels[n] != 0 && kept.Voxels[n] == 0)
            {
                // As high as the winner, and ties go to the lower channel.
                logits[n] = logits[classes.Voxels[n] * kept.Voxels.Length + n];
                classes.Voxels[n] = 0;
            }
        }
    }

    /// <summary>
    /// Makes a channel the last choice of every voxel farther than <see cref="Reach"/> from its largest component, so that the next
    /// best class takes its islands, on this grid and on any finer one the scores are interpolated to.
    /// </summary>
    /// <param name="logits">Channel after channel; changed.</param>
    /// <param name="classes">The winning channel of each voxel.</param>
    /// <param name="channels">The channels that are one structure each, or one on each side of the plane.</param>
    /// <param name="plane">Where sides part; null where no channel has sides.</param>
    /// <param name="sided">The channels that are one structure on each side.</param>
    public static void Suppress(
        float[] logits,
        Volume<byte> classes,
        IReadOnlyCollection<int> channels,
        MidsagittalPlane? plane,
        IReadOnlyCollection<int> sided
    )
    {
        if (channels.Count == 0)
        {
            return;
        }
        var left = Largest(classes, plane, channels, sided, rightSide: false);
        var right = plane is null
            ? left
            : Largest(classes, plane, channels, sided, rightSide: true);
        var voxels = classes.Voxels.Length;
        var lowest = Lowest(logits, voxels);
        foreach (var channel in channels)
        {
            var near = new bool[voxels];
            Grow(left, (byte)channel, near);
            Grow(right, (byte)channel, near);
            var scores = logits.AsSpan(channel * voxels, voxels);
            for (var n = 0; n < scores.Length; n++)
            {
                scores[n] = near[n] ? scores[n] : lowest[n];
            }
        }
    }

    /// <summary>The lowest score of each voxel.</summary>
    private static float[] Lowest(float[] logits, int voxels)
    {
        var lowest = logits[..voxels];
        for (var at = voxels; at < logits.Length; at += voxels)
        {
            TensorPrimitives.Min(lowest, logits.AsSpan(at, voxels), lowest);
        }
        return lowest;
    }

    /// <summary>Of each channel the largest component on one side; of those without sides, the largest of all.</summary>
    private static Volume<byte> Largest(
        Volume<byte> classes,
        MidsagittalPlane? plane,
        IReadOnlyCollection<int> channels,
        IReadOnlyCollection<int> sided,
        bool rightSide
    )
    {
        var (sizeI, sizeJ, _) = classes.Geometry.Shape;
        var side = new Volume<byte>(classes.Geometry);
        var (wanted, hasSides) = (new bool[256], new bool[256]);
        foreach (var channel in channels)
        {
            (wanted[channel], hasSides[channel]) = (true, sided.Contains(channel));
        }
        for (var n = 0; n < side.Voxels.Length; n++)
        {
            var channel = classes.Voxels[n];
            if (!wanted[channel])
            {
                continue;
            }
            var onRight =
                hasSides[channel]
                && plane is { } p
                && p.Distance(
                    classes.Geometry.ToWorld(n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ))
                ) > 0;
            if (!hasSides[channel] || onRight == rightSide)
            {
                side.Voxels[n] = channel;
            }
        }
        return ConnectedComponents.KeepLargest(side, Connectivity.Faces);
    }

    private static void Grow(Volume<byte> kept, byte channel, bool[] near)
    {
        var (sizeI, sizeJ, sizeK) = kept.Geometry.Shape;
        for (var n = 0; n < near.Length; n++)
        {
            if (kept.Voxels[n] != channel)
            {
                continue;
            }
            var (i, j, k) = (n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ));
            var (from, to) = (Math.Max(0, i - Reach), Math.Min(sizeI - 1, i + Reach));
            for (var z = Math.Max(0, k - Reach); z <= Math.Min(sizeK - 1, k + Reach); z++)
            {
                for (var y = Math.Max(0, j - Reach); y <= Math.Min(sizeJ - 1, j + Reach); y++)
                {
                    near.AsSpan((z * sizeJ + y) * sizeI + from, to - from + 1).Fill(true);
                }
            }
        }
    }
}
