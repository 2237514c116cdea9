namespace Platform.Imaging;

/// <summary>How two label maps of one grid agree on a label.</summary>
/// <param name="Label">The label.</param>
/// <param name="First">Voxels of it in the first map.</param>
/// <param name="Second">Voxels of it in the second map.</param>
/// <param name="Both">Voxels of it in both.</param>
public readonly record struct LabelOverlap(byte Label, long First, long Second, long Both)
{
    /// <summary>2|A∩B| / (|A| + |B|), 0–1; NaN where the label is in neither.</summary>
    public double Dice => 2.0 * Both / (First + Second);
}

/// <summary>Counts over label maps.</summary>
public static class LabelMeasures
{
    private const int Slab = 1 << 20;

    /// <summary>Voxels of each label: 256 counts.</summary>
    public static long[] Count(Volume<byte> labels)
    {
        var counts = new long[256];
        var gate = new Lock();
        Parallel.For(
            0,
            (labels.Voxels.Length + Slab - 1) / Slab,
            slab =>
            {
                var part = labels.Voxels.AsSpan(slab * Slab);
                part = part[..Math.Min(Slab, part.Length)];
                // Four tables: neighbouring voxels mostly share a label, and one counter would wait for itself.
                Span<int> tables = stackalloc int[1024];
                tables.Clear();
                var n = 0;
                for (; n <= part.Length - 4; n += 4)
                {
                    tables[part[n]]++;
                    tables[256 + part[n + 1]]++;
                    tables[512 + part[n + 2]]++;
                    tables[768 + part[n + 3]]++;
                }
                for (; n < part.Length; n++)
                {
                    tables[part[n]]++;
                }
                lock (gate)
                {
                    for (var bin = 0; bin < 1024; bin++)
                    {
                        counts[bin & 255] += tables[bin];
                    }
                }
            }
        );
        return counts;
    }

    /// <summary>Volume in ml of each label that occurs, background (0) left out.</summary>
    public static IReadOnlyDictionary<byte, double> Millilitres(Volume<byte> labels)
    {
        var counts = Count(labels);
        var ml = new SortedDictionary<byte, double>();
        for (var label = 1; label < 256; label++)
        {
            if (counts[label] > 0)
            {
                ml[(byte)label] = counts[label] * labels.Geometry.VoxelVolume / 1000;
            }
        }
        return ml;
    }

    /// <summary>Overlap of every label that occurs in either map, background (0) left out, ascending.</summary>
    /// <exception cref="ArgumentException">The maps have different shapes.</exception>
    public static IReadOnlyList<LabelOverlap> Overlaps(Volume<byte> first, Volume<byte> second)
    {
        RequireSameShape(first, second);
        var (a, b) = (Count(first), Count(second));
        var both = new long[256];
        var gate = new Lock();
        Parallel.For(
            0,
            (first.Voxels.Length + Slab - 1) / Slab,
            slab =>
            {
                var from = slab * Slab;
                var x = first.Voxels.AsSpan(from, Math.Min(Slab, first.Voxels.Length - from));
                var y = second.Voxels.AsSpan(from, x.Length);
                Span<int> table = stackalloc int[256];
                table.Clear();
                for (var n = 0; n < x.Length; n++)
                {
                    table[x[n]] += x[n] == y[n] ? 1 : 0;
                }
                lock (gate)
                {
                    for (var label = 0; label < 256; label++)
                    {
                        both[label] += table[label];
                    }
                }
            }
        );
        return
        [
            .. Enumerable
                .Range(1, 255)
                .Where(label => a[label] + b[label] > 0)
                .Select(label => new LabelOverlap((byte)label, a[label], b[label], both[label])),
        ];
    }

    /// <summary>Dice of one label; NaN where it is in neither map.</summary>
    /// <exception cref="ArgumentException">The maps have different shapes.</exception>
    public static double Dice(Volume<byte> first, Volume<byte> second, byte label)
    {
        RequireSameShape(first, second);
        long a = 0,
            b = 0,
            both = 0;
        for (var n = 0; n < first.Voxels.Length; n++)
        {
            var (x, y) = (first.Voxels[n] == label, second.Voxels[n] == label);
            a += x ? 1 : 0;
            b += y ? 1 : 0;
            both += x && y ? 1 : 0;
        }
        return new LabelOverlap(label, a, b, both).Dice;
    }

    internal static void RequireSameShape(Volume<byte> first, Volume<byte> second)
    {
        if (first.Geometry.Shape != second.Geometry.Shape)
        {
            throw new ArgumentException(
                $"label maps of shapes {first.Geometry.Shape} and {second.Geometry.Shape} cannot be compared",
                nameof(second)
            );
        }
    }
}
