using System.Runtime.InteropServices;

namespace Platform.Imaging;

/// <summary>Order statistics and thresholds of images.</summary>
public static class Intensities
{
    private const int Bins = 1 << 16;

    /// <summary>
    /// Exact percentiles, linear between ranks as numpy's default. Two counting passes over the sortable bit pattern of a float (upper, then lower
    /// 16 bits of the wanted values): no copy, no sort.
    /// </summary>
    /// <param name="values">At least one value, no NaN.</param>
    /// <param name="percentiles">Each 0–100.</param>
    public static float[] Percentiles(ReadOnlySpan<float> values, params double[] percentiles)
    {
        if (values.IsEmpty || percentiles.Any(p => !(p >= 0 && p <= 100)))
        {
            throw new ArgumentException(
                "percentiles of 0–100 of at least one value are needed",
                nameof(percentiles)
            );
        }
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var upper = new int[Bins];
        foreach (var value in bits)
        {
            upper[Sortable(value) >> 16]++;
        }
        var last = values.Length - 1;
        var ranks = percentiles.Select(p => p / 100 * last).ToArray();
        var wanted = ranks.SelectMany(r => new[] { (int)r, (int)Math.Ceiling(r) }).Distinct();
        var place = wanted.ToDictionary(rank => rank, rank => Locate(upper, rank));
        var lower = new int[Bins][];
        foreach (var (bin, _) in place.Values)
        {
            lower[bin] ??= new int[Bins];
        }
        foreach (var value in bits)
        {
            var sortable = Sortable(value);
            var counts = lower[sortable >> 16];
            if (counts is not null)
            {
                counts[sortable & 0xFFFF]++;
            }
        }
        float At(int rank)
        {
            var (bin, rest) = place[rank];
            return Value(((uint)bin << 16) | (uint)Locate(lower[bin], rest).Bin);
        }
        return
        [
            .. ranks.Select(rank =>
            {
                var (low, high) = (At((int)rank), At((int)Math.Ceiling(rank)));
                return (float)(low + ((double)high - low) * (rank - Math.Floor(rank)));
            }),
        ];
    }

    /// <summary>
    /// Otsu's threshold: the boundary between two classes of intensities with the largest variance between them, over 256 bins from the least to
    /// the largest value. Foreground is above it.
    /// </summary>
    /// <exception cref="VolumeException">The values are constant or not finite.</exception>
    public static float Otsu(ReadOnlySpan<float> values)
    {
        const int Levels = 256;
        var least = System.Numerics.Tensors.TensorPrimitives.Min(values);
        var most = System.Numerics.Tensors.TensorPrimitives.Max(values);
        if (!(most > least) || !float.IsFinite(most - least))
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                "the image is constant or not finite: no threshold divides it"
            );
        }
        var counts = new long[Levels];
        var scale = Levels / (most - least);
        foreach (var value in values)
        {
            counts[Math.Min((int)((value - least) * scale), Levels - 1)]++;
        }
        double total = values.Length,
            mass = 0;
        for (var level = 0; level < Levels; level++)
        {
            mass += (level + 0.5) * counts[level];
        }
        double below = 0,
            massBelow = 0,
            bestVariance = -1;
        var best = 0;
        for (var level = 0; level < Levels - 1; level++)
        {
            below += counts[level];
            massBelow += (level + 0.5) * counts[level];
            var difference = massBelow / below - (mass - massBelow) / (total - below);
            var variance = below * (total - below) * difference * difference;
            if (variance > bestVariance)
            {
                (bestVariance, best) = (variance, level);
            }
        }
        return least + (best + 1) / scale;
    }

    private static (int Bin, int Remainder) Locate(int[] counts, int rank)
    {
        var bin = 0;
        while (rank >= counts[bin])
        {
            rank -= counts[bin++];
        }
        return (bin, rank);
    }

    /// <summary>Bits of a float whose unsigned order is the floats' order.</summary>
    private static uint Sortable(uint bits) => bits ^ ((uint)((int)bits >> 31) | 0x8000_0000u);

    private static float Value(uint sortable) =>
        BitConverter.UInt32BitsToSingle(
            sortable ^ ((sortable & 0x8000_0000u) != 0 ? 0x8000_0000u : 0xFFFF_FFFFu)
        );
}
