using Platform.Imaging;

namespace Platform.Inference;

/// <summary>Drops what a network scatters beside a structure's largest connected component.</summary>
internal static class Islands
{
    /// <summary>Voxels around the largest component in which interpolated scores may still be the structure's.</summary>
    private const int Reach = 2;

    /// <summary>
    /// Makes a channel the last choice of every voxel farther than <see cref="Reach"/> from its largest component, so that the next
    /// best class takes its islands, on this grid and on any finer one the scores are interpolated to.
    /// </summary>
    /// <param name="logits">Channel after channel; changed.</param>
    /// <param name="classes">The winning channel of each voxel.</param>
    /// <param name="channels">The channels that are one structure each.</param>
    public static void Suppress(float[] logits, Volume<byte> classes, IEnumerable<int> channels)
    {
        var voxels = classes.Voxels.Length;
        foreach (var channel in channels)
        {
            var near = AroundLargest(classes, (byte)channel);
            for (var n = 0; n < voxels; n++)
            {
                if (!near[n])
                {
                    var lowest = float.MaxValue;
                    for (var at = n; at < logits.Length; at += voxels)
                    {
                        lowest = Math.Min(lowest, logits[at]);
                    }
                    logits[channel * voxels + n] = lowest;
                }
            }
        }
    }

    /// <summary>The largest face-connected component (the first of equals), grown by <see cref="Reach"/> along each axis.</summary>
    private static bool[] AroundLargest(Volume<byte> classes, byte channel)
    {
        var (sizeI, sizeJ, sizeK) = classes.Geometry.Shape;
        var seen = new bool[classes.Voxels.Length];
        List<int> largest = [];
        for (var seed = 0; seed < seen.Length; seed++)
        {
            if (classes.Voxels[seed] != channel || seen[seed])
            {
                continue;
            }
            List<int> component = [seed];
            seen[seed] = true;
            for (var next = 0; next < component.Count; next++)
            {
                var n = component[next];
                var (i, j, k) = (n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ));
                Visit(i > 0, n - 1);
                Visit(i < sizeI - 1, n + 1);
                Visit(j > 0, n - sizeI);
                Visit(j < sizeJ - 1, n + sizeI);
                Visit(k > 0, n - sizeI * sizeJ);
                Visit(k < sizeK - 1, n + sizeI * sizeJ);
            }
            largest = component.Count > largest.Count ? component : largest;

            void Visit(bool inside, int n)
            {
                if (inside && !seen[n] && classes.Voxels[n] == channel)
                {
                    seen[n] = true;
                    component.Add(n);
                }
            }
        }
        var near = new bool[seen.Length];
        foreach (var n in largest)
        {
            var (i, j, k) = (n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ));
            for (var z = Math.Max(0, k - Reach); z <= Math.Min(sizeK - 1, k + Reach); z++)
            {
                for (var y = Math.Max(0, j - Reach); y <= Math.Min(sizeJ - 1, j + Reach); y++)
                {
                    var from = Math.Max(0, i - Reach);
                    var to = Math.Min(sizeI - 1, i + Reach);
                    near.AsSpan((z * sizeJ + y) * sizeI + from, to - from + 1).Fill(true);
                }
            }
        }
        return near;
    }
}
