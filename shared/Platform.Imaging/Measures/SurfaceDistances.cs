namespace Platform.Imaging;

/// <summary>
/// Distances between the surfaces of a label in two maps, in mm. A surface voxel has a face neighbour of another label or lies at the edge of the
/// image; distances run between centres of surface voxels.
/// </summary>
/// <param name="Hausdorff">The largest distance from a surface voxel of either to the other's surface.</param>
/// <param name="Hausdorff95">The larger of the two directed 95th percentiles (linear between ranks, as numpy).</param>
/// <param name="Average">Average symmetric surface distance: the mean over the surface voxels of both.</param>
public readonly record struct SurfaceDistances(double Hausdorff, double Hausdorff95, double Average)
{
    /// <summary>Compares one label of two maps of one grid; null where either map has none of it.</summary>
    /// <exception cref="ArgumentException">The maps have different shapes.</exception>
    public static SurfaceDistances? Between(Volume<byte> first, Volume<byte> second, byte label)
    {
        LabelMeasures.RequireSameShape(first, second);
        if (Box.Of(first, label) is not { } a || Box.Of(second, label) is not { } b)
        {
            return null;
        }
        // All surface voxels of both lie in this box, so nothing outside it can be nearest.
        var box = a.Union(b);
        var (x, y) = (Surface(first, label, box), Surface(second, label, box));
        var spacing = first.Geometry.Spacing;
        var there = Directed(x, DistanceTransform.Squared(y, box.Shape, spacing));
        var back = Directed(y, DistanceTransform.Squared(x, box.Shape, spacing));
        return new SurfaceDistances(
            Math.Max(there[^1], back[^1]),
            Math.Max(Percentile95(there), Percentile95(back)),
            (there.Sum() + back.Sum()) / (there.Length + back.Length)
        );
    }

    private static double[] Directed(byte[] surface, float[] squared)
    {
        var distances = new List<double>();
        for (var n = 0; n < surface.Length; n++)
        {
            if (surface[n] != 0)
            {
                distances.Add(Math.Sqrt(squared[n]));
            }
        }
        distances.Sort();
        return [.. distances];
    }

    private static double Percentile95(double[] sorted)
    {
        var at = 0.95 * (sorted.Length - 1);
        var low = (int)at;
        var high = Math.Min(low + 1, sorted.Length - 1);
        return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
    }

    private static byte[] Surface(Volume<byte> volume, byte label, Box box)
    {
        var (ni, nj, nk) = volume.Geometry.Shape;
        var v = volume.Voxels;
        var surface = new byte[box.Shape.I * box.Shape.J * box.Shape.K];
        var at = 0;
        for (var k = box.From.K; k < box.To.K; k++)
        {
            for (var j = box.From.J; j < box.To.J; j++)
            {
                for (var i = box.From.I; i < box.To.I; i++, at++)
                {
                    var n = i + ni * (j + nj * k);
                    if (v[n] != label)
                    {
                        continue;
                    }
                    var inner =
                        i > 0
                        && i + 1 < ni
                        && j > 0
                        && j + 1 < nj
                        && k > 0
                        && k + 1 < nk
                        && v[n - 1] == label
                        && v[n + 1] == label
                        && v[n - ni] == label
                        && v[n + ni] == label
                        && v[n - ni * nj] == label
                        && v[n + ni * nj] == label;
                    surface[at] = inner ? (byte)0 : (byte)1;
                }
            }
        }
        return surface;
    }
}

/// <summary>Voxels [From, To) along each axis.</summary>
internal readonly record struct Box((int I, int J, int K) From, (int I, int J, int K) To)
{
    public (int I, int J, int K) Shape => (To.I - From.I, To.J - From.J, To.K - From.K);

    /// <summary>The smallest box that holds a label, null where there is none.</summary>
    public static Box? Of(Volume<byte> labels, byte label)
    {
        var (ni, nj, nk) = labels.Geometry.Shape;
        var (from, to) = ((I: ni, J: nj, K: nk), (I: 0, J: 0, K: 0));
        for (var k = 0; k < nk; k++)
        {
            for (var j = 0; j < nj; j++)
            {
                ReadOnlySpan<byte> row = labels.Voxels.AsSpan(ni * (j + nj * k), ni);
                var first = row.IndexOf(label);
                if (first >= 0)
                {
                    from = (Math.Min(from.I, first), Math.Min(from.J, j), Math.Min(from.K, k));
                    to = (Math.Max(to.I, row.LastIndexOf(label) + 1), Math.Max(to.J, j + 1), k + 1);
                }
            }
        }
        return to.K == 0 ? null : new Box(from, to);
    }

    public Box Union(Box other) =>
        new(
            (
                Math.Min(From.I, other.From.I),
                Math.Min(From.J, other.From.J),
                Math.Min(From.K, other.From.K)
            ),
            (Math.Max(To.I, other.To.I), Math.Max(To.J, other.To.J), Math.Max(To.K, other.To.K))
        );
}
