namespace Platform.Imaging;

/// <summary>Permutes and flips index axes without interpolation: every voxel keeps its value and its world position.</summary>
public static class Orienter
{
    private const int Tile = 32;

    /// <summary>The same image with its index axes in another anatomical order.</summary>
    /// <param name="volume">Any orientation; oblique images keep their obliquity.</param>
    /// <param name="orientation">Three letters, one of each of R/L, A/P, S/I: the directions in which i, j, k grow.</param>
    /// <exception cref="ArgumentException">Not an orientation.</exception>
    public static Volume<T> ToOrientation<T>(Volume<T> volume, string orientation)
        where T : unmanaged =>
        volume.Geometry.Orientation == orientation
            ? volume
            : Permute(volume, AxisMap.Between(volume.Geometry.Orientation, orientation), null);

    /// <summary>The geometry that <see cref="ToOrientation{T}"/> gives an image.</summary>
    public static VolumeGeometry ToOrientation(VolumeGeometry geometry, string orientation) =>
        AxisMap.Between(geometry.Orientation, orientation).Apply(geometry);

    /// <summary>Undoes <see cref="ToOrientation{T}"/>: the result has exactly <paramref name="original"/>'s geometry.</summary>
    /// <param name="volume">A volume on the grid that ToOrientation made from <paramref name="original"/>.</param>
    /// <param name="orientation">The orientation that was asked for.</param>
    /// <param name="original">The geometry before.</param>
    /// <exception cref="ArgumentException">The volume is not on that grid.</exception>
    public static Volume<T> Restore<T>(
        Volume<T> volume,
        string orientation,
        VolumeGeometry original
    )
        where T : unmanaged
    {
        var there = AxisMap.Between(original.Orientation, orientation);
        if (!there.Apply(original).IsCloseTo(volume.Geometry, 1e-2))
        {
            throw new ArgumentException(
                "the volume is not on the re-oriented grid of the original geometry",
                nameof(volume)
            );
        }
        return Permute(volume, there.Inverse(), original);
    }

    private static Volume<T> Permute<T>(Volume<T> volume, AxisMap map, VolumeGeometry? exact)
        where T : unmanaged
    {
        var geometry = exact ?? map.Apply(volume.Geometry);
        var result = new Volume<T>(
            geometry,
            GC.AllocateUninitializedArray<T>(volume.Voxels.Length)
        );
        var (ni, nj, _) = volume.Geometry.Shape;
        int[] strides = [1, ni, ni * nj];
        int[] shape = [volume.Geometry.Shape.I, volume.Geometry.Shape.J, volume.Geometry.Shape.K];
        var from = 0;
        var step = new int[3];
        var size = new int[3];
        for (var axis = 0; axis < 3; axis++)
        {
            var source = map.Source[axis];
            size[axis] = shape[source];
            step[axis] = map.Flip[axis] ? -strides[source] : strides[source];
            from += map.Flip[axis] ? (shape[source] - 1) * strides[source] : 0;
        }
        // The unit-stride source axis decides: rows are copied, or planes transposed tile by tile.
        var unit = Array.FindIndex(step, s => Math.Abs(s) == 1);
        var outer = unit == 2 ? 1 : 2;
        int[] target = [1, size[0], size[0] * size[1]];
        Parallel.For(
            0,
            size[outer],
            n =>
            {
                var s = from + n * step[outer];
                var t = n * target[outer];
                if (unit == 0)
                {
                    for (var j = 0; j < size[1]; j++)
                    {
                        Row(
                            volume.Voxels,
                            s + j * step[1],
                            step[0],
                            result.Voxels,
                            t + j * target[1],
                            size[0]
                        );
                    }
                }
                else
                {
                    Transpose(
                        volume.Voxels,
                        s,
                        step[0],
                        step[unit],
                        result.Voxels,
                        t,
                        target[unit],
                        size[0],
                        size[unit]
                    );
                }
            }
        );
        return result;
    }

    private static void Row<T>(T[] source, int from, int step, T[] target, int to, int count)
    {
        var row = target.AsSpan(to, count);
        if (step == 1)
        {
            source.AsSpan(from, count).CopyTo(row);
        }
        else
        {
            source.AsSpan(from - count + 1, count).CopyTo(row);
            row.Reverse();
        }
    }

    private static void Transpose<T>(
        T[] source,
        int from,
        int step0,
        int stepU,
        T[] target,
        int to,
        int strideU,
        int count0,
        int countU
    )
    {
        for (var u0 = 0; u0 < countU; u0 += Tile)
        {
            var u1 = Math.Min(u0 + Tile, countU);
            for (var i0 = 0; i0 < count0; i0 += Tile)
            {
                var i1 = Math.Min(i0 + Tile, count0);
                for (var u = u0; u < u1; u++)
                {
                    var s = from + u * stepU + i0 * step0;
                    var row = target.AsSpan(to + u * strideU + i0, i1 - i0);
                    for (var i = 0; i < row.Length; i++, s += step0)
                    {
                        row[i] = source[s];
                    }
                }
            }
        }
    }
}

/// <summary>For each new axis, which old axis it is and whether it runs the other way.</summary>
internal sealed record AxisMap(int[] Source, bool[] Flip)
{
    private static readonly string[] Axes = ["RL", "AP", "SI"];

    public static AxisMap Between(string from, string to)
    {
        var source = new int[3];
        var flip = new bool[3];
        if (to.Length != 3 || !Axes.All(axis => to.Count(axis.Contains) == 1))
        {
            throw new ArgumentException(
                $"'{to}' is not an orientation: one of R/L, one of A/P, one of S/I",
                nameof(to)
            );
        }
        for (var axis = 0; axis < 3; axis++)
        {
            var pair = Axes.First(p => p.Contains(to[axis]));
            source[axis] = from.IndexOfAny(pair.ToCharArray());
            flip[axis] = from[source[axis]] != to[axis];
        }
        return new AxisMap(source, flip);
    }

    public AxisMap Inverse()
    {
        var source = new int[3];
        var flip = new bool[3];
        for (var axis = 0; axis < 3; axis++)
        {
            source[Source[axis]] = axis;
            flip[Source[axis]] = Flip[axis];
        }
        return new AxisMap(source, flip);
    }

    public VolumeGeometry Apply(VolumeGeometry geometry)
    {
        int[] shape = [geometry.Shape.I, geometry.Shape.J, geometry.Shape.K];
        var old = geometry.Affine;
        var affine = new double[12];
        for (var row = 0; row < 3; row++)
        {
            affine[4 * row + 3] = old[4 * row + 3];
            for (var axis = 0; axis < 3; axis++)
            {
                var entry = old[4 * row + Source[axis]];
                affine[4 * row + axis] = Flip[axis] ? -entry : entry;
                affine[4 * row + 3] += Flip[axis] ? entry * (shape[Source[axis]] - 1) : 0;
            }
        }
        return new VolumeGeometry((shape[Source[0]], shape[Source[1]], shape[Source[2]]), affine);
    }
}
