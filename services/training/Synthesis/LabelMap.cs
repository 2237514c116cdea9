namespace Platform.Training.Synthesis;

/// <summary>A head's label map at 1 mm in RAS order, cropped to what is labelled.</summary>
/// <param name="Shape">Voxels along R, A, S.</param>
/// <param name="Indices">One byte a voxel, i fastest: an index into <see cref="LabelAtlas.Values"/>.</param>
/// <param name="Name">For messages.</param>
public sealed record LabelMap((int I, int J, int K) Shape, byte[] Indices, string Name);

/// <summary>Label maps that share one table of label values.</summary>
/// <param name="Maps">The maps.</param>
/// <param name="Values">FreeSurfer value of each index; entry 0 is background, value 0.</param>
public sealed record LabelAtlas(IReadOnlyList<LabelMap> Maps, IReadOnlyList<int> Values)
{
    /// <summary>Values that <see cref="TissueTable"/> does not know; they are drawn with a random contrast and are background in every target.</summary>
    public IReadOnlyList<int> Unknown => [.. Values.Where(value => !TissueTable.Knows(value))];

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
            maps.Add(Crop(shape, indices, name));
        }
        return new(maps, values);
    }

    private static LabelMap Crop((int I, int J, int K) shape, byte[] indices, string name)
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
                    if (indices[n] != 0)
                    {
                        (low[0], high[0]) = (Math.Min(low[0], i), Math.Max(high[0], i));
                        (low[1], high[1]) = (Math.Min(low[1], j), Math.Max(high[1], j));
                        (low[2], high[2]) = (Math.Min(low[2], k), Math.Max(high[2], k));
                    }
                }
            }
        }
        if (high[0] < 0)
        {
            throw new InvalidDataException($"{name}: the label map is empty");
        }
        var size = (I: high[0] - low[0] + 1, J: high[1] - low[1] + 1, K: high[2] - low[2] + 1);
        var cropped = new byte[size.I * size.J * size.K];
        for (var k = 0; k < size.K; k++)
        {
            for (var j = 0; j < size.J; j++)
            {
                indices
                    .AsSpan(low[0] + shape.I * (low[1] + j + shape.J * (low[2] + k)), size.I)
                    .CopyTo(cropped.AsSpan(size.I * (j + size.J * k)));
            }
        }
        return new(size, cropped, name);
    }
}
