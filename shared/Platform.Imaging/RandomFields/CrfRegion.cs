namespace Platform.Imaging.RandomFields;

/// <summary>The voxels of a grid that a random field is over, in an order in which neighbours in space are near each other, and the threads that work on them.</summary>
internal sealed class CrfRegion
{
    /// <summary>Voxels along each edge of the bricks by which the region is walked.</summary>
    private const int Brick = 16;

    /// <summary>Voxels that a thread takes at once.</summary>
    private const int Block = 1 << 10;

    /// <param name="region">Voxels other than 0 belong to it.</param>
    /// <param name="parallel">How many threads, and what stops them.</param>
    public CrfRegion(Volume<byte> region, ParallelOptions parallel)
    {
        (Grid, Parallel) = (region.Geometry, parallel);
        var (sizeI, sizeJ, sizeK) = Grid.Shape;
        Voxels = new int[region.Voxels.Length - region.Voxels.AsSpan().Count((byte)0)];
        var count = 0;
        for (var k0 = 0; k0 < sizeK; k0 += Brick)
        {
            for (var j0 = 0; j0 < sizeJ; j0 += Brick)
            {
                for (var i0 = 0; i0 < sizeI; i0 += Brick)
                {
                    for (var k = k0; k < Math.Min(sizeK, k0 + Brick); k++)
                    {
                        for (var j = j0; j < Math.Min(sizeJ, j0 + Brick); j++)
                        {
                            var row = sizeI * (j + sizeJ * k);
                            for (var n = row + i0; n < row + Math.Min(sizeI, i0 + Brick); n++)
                            {
                                if (region.Voxels[n] != 0)
                                {
                                    Voxels[count++] = n;
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    public VolumeGeometry Grid { get; }

    /// <summary>Indices on the grid, i fastest.</summary>
    public int[] Voxels { get; }

    public ParallelOptions Parallel { get; }

    /// <summary>Runs something on all voxels, some at a time: the same ones at a time, whatever the number of threads.</summary>
    public void Blocks(Action<int, int> run) =>
        System.Threading.Tasks.Parallel.For(
            0,
            (Voxels.Length + Block - 1) / Block,
            Parallel,
            block => run(block * Block, Math.Min(Voxels.Length, (block + 1) * Block))
        );
}
