using System.Numerics;

namespace Platform.Imaging.RandomFields;

/// <summary>Gives the positions of some items, d numbers each, in standard deviations of the filter.</summary>
/// <param name="first">The first item.</param>
/// <param name="positions">Items × dimensions; to be filled.</param>
internal delegate void PositionReader(int first, Span<float> positions);

/// <summary>
/// A Gaussian filter of unit deviation over items at any positions in d dimensions, in time linear in items and in d²: values are splatted onto the
/// simplex of the permutohedral lattice that encloses each item, the lattice is blurred by ¼ ½ ¼ along d + 1 directions, and sliced at the same places
/// (Adams, Baek and Davis 2010). Built once for the positions, used for any number of values. What it gives is the weighted mean, of the values of all items, the
/// item's own with the rest: a constant stays as it is. The lattice is created in the order of the items, so neighbours in space are best neighbours in order.
/// </summary>
/// <remarks>Takes 8(d + 1) + 4 bytes an item, and 8(d + 1) bytes a lattice point and its two values: each sum is taken in one order, whatever the number of threads.</remarks>
internal sealed class PermutohedralLattice
{
    /// <summary>Items that a thread takes at once.</summary>
    private const int Block = 1 << 11;

    /// <summary>Blocks whose simplices are found while those of the blocks before are added to the lattice.</summary>
    private const int Batch = 32;

    private readonly int _corners;
    private readonly int _items;
    private readonly ParallelOptions _parallel;

    /// <summary>Items × corners: the lattice points around each item and how near it is to each.</summary>
    private readonly int[] _vertices;
    private readonly float[] _weights;

    /// <summary>One over what the filter makes of ones.</summary>
    private readonly float[] _scale;

    /// <summary>By direction, then by lattice point: the number of the neighbour before it and of the one after it; <see cref="Points"/> where there is none.</summary>
    private readonly (int Before, int After)[][] _neighbours;

    /// <param name="items">How many items there are.</param>
    /// <param name="dimensions">Of their positions.</param>
    /// <param name="read">Gives their positions; called from several threads, twice for each item.</param>
    /// <param name="parallel">How many threads, and what stops them; used by every filtering too.</param>
    /// <exception cref="VolumeException">More cells than a 64-bit name can tell apart, or more items than an array can hold the corners of.</exception>
    public PermutohedralLattice(
        int items,
        int dimensions,
        PositionReader read,
        ParallelOptions parallel
    )
    {
        (_items, _corners, _parallel) = (items, dimensions + 1, parallel);
        if ((long)items * _corners > Array.MaxLength)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"a lattice of {dimensions} dimensions holds {Array.MaxLength / _corners} voxels, not {items}: a coarser grid, or no CRF"
            );
        }
        _vertices = GC.AllocateUninitializedArray<int>(items * _corners);
        _weights = GC.AllocateUninitializedArray<float>(items * _corners);
        var (low, high) = Bounds(dimensions, read);
        var simplex = new LatticeSimplex(low, high);
        var points = Enclose(simplex, dimensions, read);
        Points = points.Count;
        _neighbours = Connect(simplex, points);

        _scale = GC.AllocateUninitializedArray<float>(items);
        _scale.AsSpan().Fill(1);
        var ones = GC.AllocateUninitializedArray<float>(items);
        ones.AsSpan().Fill(1);
        Filter(ones, _scale, Workspace<float>());
        Blocks(
            (from, to) =>
            {
                for (var n = from; n < to; n++)
                {
                    _scale[n] = 1 / _scale[n];
                }
            }
        );
    }

    /// <summary>Lattice points that have an item near them.</summary>
    public int Points { get; }

    /// <summary>What <see cref="Filter"/> works in.</summary>
    public (T[] Values, T[] Blurred) Workspace<T>() => (new T[Points + 1], new T[Points + 1]);

    /// <summary>The weighted mean around each item.</summary>
    /// <param name="values">A value an item.</param>
    /// <param name="means">Receives a value an item.</param>
    /// <param name="workspace">From <see cref="Workspace"/>; overwritten.</param>
    /// <param name="weight">What the means are multiplied by.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void Filter<T>(
        T[] values,
        T[] means,
        (T[] Values, T[] Blurred) workspace,
        float weight = 1
    )
        where T : unmanaged, IAdditionOperators<T, T, T>, IMultiplyOperators<T, float, T>
    {
        Splat(values, workspace.Values);
        var (from, to) = workspace;
        foreach (var neighbours in _neighbours)
        {
            Blur(from, to, neighbours);
            (from, to) = (to, from);
        }
        Slice(from, means, weight);
    }

    /// <summary>Each thread adds to lattice points of its own, in the order of the items.</summary>
    private void Splat<T>(T[] values, T[] lattice)
        where T : unmanaged, IAdditionOperators<T, T, T>, IMultiplyOperators<T, float, T>
    {
        lattice.AsSpan().Clear();
        var owners =
            _parallel.MaxDegreeOfParallelism > 0
                ? _parallel.MaxDegreeOfParallelism
                : Environment.ProcessorCount;
        Parallel.For(
            0,
            owners,
            _parallel,
            owner =>
            {
                var first = (int)((long)Points * owner / owners);
                var own = lattice.AsSpan(first, (int)((long)Points * (owner + 1) / owners) - first);
                for (var n = 0; n < _items; n++)
                {
                    var value = values[n];
                    var vertices = _vertices.AsSpan(n * _corners, _corners);
                    var weights = _weights.AsSpan(n * _corners, _corners);
                    for (var c = 0; c < vertices.Length; c++)
                    {
                        var at = vertices[c] - first;
                        if ((uint)at < (uint)own.Length)
                        {
                            own[at] += value * weights[c];
                        }
                    }
                }
            }
        );
    }

    private void Blur<T>(T[] from, T[] to, (int Before, int After)[] neighbours)
        where T : unmanaged, IAdditionOperators<T, T, T>, IMultiplyOperators<T, float, T>
    {
        // Past the last point there is nothing.
        from[Points] = default;
        var blocks = (Points + Block - 1) / Block;
        Parallel.For(
            0,
            blocks,
            _parallel,
            block =>
            {
                var end = Math.Min(Points, (block + 1) * Block);
                for (var p = block * Block; p < end; p++)
                {
                    var (before, after) = neighbours[p];
                    to[p] = from[p] * 0.5f + (from[before] + from[after]) * 0.25f;
                }
            }
        );
    }

    private void Slice<T>(T[] lattice, T[] means, float weight)
        where T : unmanaged, IAdditionOperators<T, T, T>, IMultiplyOperators<T, float, T> =>
        Blocks(
            (from, to) =>
            {
                for (var n = from; n < to; n++)
                {
                    var vertices = _vertices.AsSpan(n * _corners, _corners);
                    var weights = _weights.AsSpan(n * _corners, _corners);
                    var sum = lattice[vertices[0]] * weights[0];
                    for (var c = 1; c < vertices.Length; c++)
                    {
                        sum += lattice[vertices[c]] * weights[c];
                    }
                    means[n] = sum * (_scale[n] * weight);
                }
            }
        );

    /// <summary>Runs something on all items, some at a time.</summary>
    private void Blocks(Action<int, int> run) =>
        Parallel.For(
            0,
            (_items + Block - 1) / Block,
            _parallel,
            block => run(block * Block, Math.Min(_items, (block + 1) * Block))
        );

    private (float[] Low, float[] High) Bounds(int dimensions, PositionReader read)
    {
        var (low, high) = (new float[dimensions], new float[dimensions]);
        low.AsSpan().Fill(float.PositiveInfinity);
        high.AsSpan().Fill(float.NegativeInfinity);
        Blocks(
            (from, to) =>
            {
                var positions = new float[(to - from) * dimensions];
                read(from, positions);
                lock (low)
                {
                    for (var n = 0; n < positions.Length; n++)
                    {
                        ref var least = ref low[n % dimensions];
                        ref var most = ref high[n % dimensions];
                        (least, most) = (
                            Math.Min(least, positions[n]),
                            Math.Max(most, positions[n])
                        );
                    }
                }
            }
        );
        return (low, high);
    }

    /// <summary>Finds the simplex of every item; the first of the parallel tasks numbers the lattice points of the batch before.</summary>
    private LatticePoints Enclose(LatticeSimplex simplex, int dimensions, PositionReader read)
    {
        var points = new LatticePoints();
        const int size = Batch * Block;
        var (found, numbered) = (new long[size * _corners], new long[size * _corners]);
        for (long start = 0; start < (long)_items + size; start += size)
        {
            Parallel.For(
                -1,
                Batch,
                _parallel,
                block =>
                {
                    if (block < 0)
                    {
                        Number((int)Math.Max(0, start - size), (int)Math.Min(_items, start));
                        return;
                    }
                    var first = (int)Math.Min(_items, start + block * Block);
                    var count = Math.Min(_items - first, Block);
                    var positions = new float[count * dimensions];
                    read(first, positions);
                    for (var n = 0; n < count; n++)
                    {
                        simplex.Enclose(
                            positions.AsSpan(n * dimensions, dimensions),
                            found.AsSpan((int)(first - start + n) * _corners, _corners),
                            _weights.AsSpan((first + n) * _corners, _corners)
                        );
                    }
                }
            );
            (found, numbered) = (numbered, found);
        }
        return points;

        void Number(int from, int to)
        {
            var vertices = _vertices.AsSpan(from * _corners, (to - from) * _corners);
            for (var n = 0; n < vertices.Length; n++)
            {
                vertices[n] = points.Add(numbered[n]);
            }
        }
    }

    private (int Before, int After)[][] Connect(LatticeSimplex simplex, LatticePoints points)
    {
        var neighbours = new (int Before, int After)[_corners][];
        for (var direction = 0; direction < _corners; direction++)
        {
            var pairs = GC.AllocateUninitializedArray<(int, int)>(Points);
            var along = direction;
            Parallel.For(
                0,
                (Points + Block - 1) / Block,
                _parallel,
                block =>
                {
                    var end = Math.Min(Points, (block + 1) * Block);
                    for (var p = block * Block; p < end; p++)
                    {
                        var (before, after) = simplex.Neighbours(points.Names[p], along);
                        pairs[p] = (Number(before), Number(after));
                    }
                }
            );
            neighbours[direction] = pairs;
        }
        return neighbours;

        int Number(long name) => points.Find(name) is >= 0 and var number ? number : Points;
    }
}
