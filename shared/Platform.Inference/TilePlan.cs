namespace Platform.Inference;

/// <summary>
/// How one axis is cut into equal tiles. Positions count from the axis's first voxel and may lie outside of it,
/// where the tile is padded.
/// </summary>
/// <param name="Size">Voxels of every tile, context included.</param>
/// <param name="Tiles">Where each tile starts, and which voxels of the axis are taken from it.</param>
internal sealed record TilePlan(int Size, IReadOnlyList<AxisTile> Tiles)
{
    /// <summary>
    /// Fits the tiles to the axis: as few as the largest tile allows, then as small as covers the axis. Starts are multiples of
    /// <paramref name="multiple"/> apart, so that a network's coarse grids fall on the same voxels in every tile,
    /// and a voxel is taken from the tile in which it lies deepest, at least a halo from an inner edge.
    /// </summary>
    /// <param name="length">Voxels of the axis.</param>
    /// <param name="maxTile">Largest tile; at least a multiple larger than two halos.</param>
    /// <param name="multiple">Tile sizes and distances are multiples of this.</param>
    /// <param name="halo">Context voxels on each side of a tile.</param>
    /// <param name="context">Voxels the network itself takes off each side: 0 or the halo.</param>
    public static TilePlan Fit(int length, int maxTile, int multiple, int halo, int context)
    {
        var covered = length + 2 * context;
        for (var count = 1; ; count++)
        {
            // A lone tile of a padding network needs no halo: nothing is discarded.
            var least =
                count == 1 && context == 0 ? multiple : (2 * halo / multiple + 1) * multiple;
            for (var size = least; size <= maxTile; size += multiple)
            {
                var step = (size - 2 * halo) / multiple * multiple;
                if ((count == 1 || step > 0) && size + (count - 1) * step >= covered)
                {
                    return new TilePlan(size, Cut(length, count, size, step, context));
                }
            }
        }
    }

    private static AxisTile[] Cut(int length, int count, int size, int step, int context)
    {
        var tiles = new AxisTile[count];
        var from = 0;
        for (var n = 0; n < count; n++)
        {
            var start = n * step - context;
            // The middle of the overlap with the next tile.
            var to = n == count - 1 ? length : start + (size + step) / 2;
            tiles[n] = new AxisTile(start, from, Math.Min(to, length));
            from = tiles[n].To;
        }
        return tiles;
    }
}

/// <summary>One tile of an axis: it starts at <paramref name="Start"/>; voxels <paramref name="From"/> up to <paramref name="To"/> are taken from it.</summary>
internal readonly record struct AxisTile(int Start, int From, int To);
