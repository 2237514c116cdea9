namespace Platform.Training.Synthesis;

/// <summary>A head's label map at 1 mm in RAS order, cropped to what is labelled.</summary>
/// <param name="Shape">Voxels along R, A, S.</param>
/// <param name="Indices">One byte a voxel, i fastest: an index into <see cref="LabelAtlas.Values"/>.</param>
/// <param name="Name">For messages.</param>
public sealed record LabelMap((int I, int J, int K) Shape, byte[] Indices, string Name)
{
    /// <summary>The box around the voxels that are inside: first voxel and size; null where there is none.</summary>
    internal static ((int I, int J, int K) Low, (int I, int J, int K) Size)? Bounds(
        (int I, int J, int K) shape,
        Func<int, bool> inside
    )
    {
        var (low, high) = (new int[3], new int[3]);
        Array.Fill(low, int.MaxValue);
        Array.Fill(high, -1);
        for (int k = 0, n = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++, n++)
                {
                    if (inside(n))
                    {
                        (low[0], high[0]) = (Math.Min(low[0], i), Math.Max(high[0], i));
                        (low[1], high[1]) = (Math.Min(low[1], j), Math.Max(high[1], j));
                        (low[2], high[2]) = (Math.Min(low[2], k), Math.Max(high[2], k));
                    }
                }
            }
        }
        return high[0] < 0
            ? null
            : (
                (low[0], low[1], low[2]),
                (high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1)
            );
    }

    /// <summary>A box of a volume.</summary>
    internal static byte[] Crop(
        (int I, int J, int K) shape,
        byte[] voxels,
        (int I, int J, int K) low,
        (int I, int J, int K) size
    )
    {
        var cropped = new byte[size.I * size.J * size.K];
        for (var k = 0; k < size.K; k++)
        {
            for (var j = 0; j < size.J; j++)
            {
                voxels
                    .AsSpan(low.I + shape.I * (low.J + j + shape.J * (low.K + k)), size.I)
                    .CopyTo(cropped.AsSpan(size.I * (j + size.J * k)));
            }
        }
        return cropped;
    }
}

/// <summary>Label maps that share one table of label values.</summary>
/// <param name="Maps">The maps.</param>
/// <param name="Values">FreeSurfer value of each index; entry 0 is background, value 0.</param>
public sealed record LabelAtlas(IReadOnlyList<LabelMap> Maps, IReadOnlyList<int> Values)
{
    /// <summary>Values that <see cref="TissueTable"/> does not know; they are drawn with a random contrast and are background in every target.</summary>
    public IReadOnlyList<int> Unknown => [.. Values.Where(value => !TissueTable.Knows(value))];

    /// <summary>The same maps, with values that are in none of them yet.</summary>
    /// <exception cref="InvalidDataException">More than 256 different values.</exception>
    public LabelAtlas With(IEnumerable<int> values)
    {
        var all = Values.Union(values).ToList();
        return all.Count > 256
            ? throw new InvalidDataException($"{all.Count} label values: at most 256")
            : this with
            {
                Values = all,
            };
    }

    /// <summary>Builds an atlas from volumes of label values.</summary>
    /// <param name="volumes">Shape, values (i fastest, RAS order, 1 mm) and a name for messages.</param>
    /// <exception cref="InvalidDataException">More than 256 different values, or an empty map.</exception>
    public static LabelAtlas Build(
        IEnumerable<((int I, int J, int K) Shape, ushort[] Values, string Name)> volumes
    )
    {
        var values = new List<int> { 0 };
        var indexOf = new Dictionary<int, byte> { [0] = 0 };
        var maps = new List<LabelMap>();
        foreach (var (shape, voxels, name) in volumes)
        {
            var indices = new byte[voxels.Length];
            for (var n = 0; n < voxels.Length; n++)
            {
                if (!indexOf.TryGetValue(voxels[n], out var index))
                {
                    if (values.Count == 256)
                    {
                        throw new InvalidDataException(
                            $"{name}: more than 256 different label values in all"
                        );
                    }
                    indexOf[voxels[n]] = index = (byte)values.Count;
                    values.Add(voxels[n]);
                }
                indices[n] = index;
            }
            var (low, size) =
                LabelMap.Bounds(shape, n => indices[n] != 0)
                ?? throw new InvalidDataException($"{name}: the label map is empty");
            maps.Add(new(size, LabelMap.Crop(shape, indices, low, size), name));
        }
        return new(maps, values);
    }
}
