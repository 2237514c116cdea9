using System.Runtime.InteropServices;

namespace Platform.Imaging;

/// <summary>Order statistics of images.</summary>
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
