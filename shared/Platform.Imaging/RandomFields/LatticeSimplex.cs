namespace Platform.Imaging.RandomFields;

/// <summary>
/// Where a position lies in the permutohedral lattice (Adams, Baek and Davis 2010, section 3): the d + 1 vertices of the simplex around it, and its
/// barycentric coordinates. A vertex's name is one number: its first d coordinates, which leave the same remainder when divided by d + 1, as
/// quotients in a mixed radix, and the remainder.
/// </summary>
internal sealed class LatticeSimplex
{
    /// <summary>Cells beyond the outermost position: of rounding, of the vertices below it, and of their neighbours in the blur.</summary>
    private const int Margin = 3;

    private readonly int _dimensions;
    private readonly float[] _scale;
    private readonly int[] _lowest;

    /// <summary>By coordinate, what one cell more adds to a vertex's name before the remainder; 0 for the last, which follows from the others.</summary>
    private readonly long[] _stride;
    private readonly long _allStrides;

    /// <param name="low">Smallest position along each dimension, in standard deviations of the filter.</param>
    /// <param name="high">Largest.</param>
    /// <exception cref="VolumeException">More cells than a 64-bit name can tell apart.</exception>
    public LatticeSimplex(ReadOnlySpan<float> low, ReadOnlySpan<float> high)
    {
        var d = low.Length;
        _dimensions = d;
        _scale = new float[d];
        // Splatting, blurring by ¼ ½ ¼ along d + 1 directions and slicing have the variance ⅔(d + 1)² together.
        for (var n = 0; n < d; n++)
        {
            _scale[n] = (float)((d + 1) * Math.Sqrt(2.0 / 3 / ((n + 1.0) * (n + 2))));
        }
        _lowest = new int[d];
        _stride = new long[d + 1];
        var cells = 1.0;
        for (var n = 0; n < d; n++)
        {
            // Coordinate n is the sum of the scaled positions from n on, less n times the one before it.
            double least = 0,
                most = 0;
            for (var p = n; p < d; p++)
            {
                (least, most) = (least + low[p] * _scale[p], most + high[p] * _scale[p]);
            }
            if (n > 0)
            {
                least -= n * (double)high[n - 1] * _scale[n - 1];
                most -= n * (double)low[n - 1] * _scale[n - 1];
            }
            _lowest[n] = (int)Math.Floor(least / (d + 1)) - Margin;
            _stride[n] = (long)cells;
            _allStrides += _stride[n];
            cells *= (int)Math.Ceiling(most / (d + 1)) + Margin - _lowest[n] + 1.0;
            if (!(cells * (d + 1) < long.MaxValue))
            {
                throw new VolumeException(
                    VolumeFault.TooLarge,
                    $"a lattice of {d} dimensions, {high[0] - low[0]:g3} deviations wide along the first, has more cells than 64 bits can name: larger deviations, or fewer channels"
                );
            }
        }
    }

    /// <summary>The simplex around a position.</summary>
    /// <param name="position">In standard deviations of the filter.</param>
    /// <param name="vertices">Receives d + 1 names.</param>
    /// <param name="weights">Receives d + 1 barycentric coordinates; their sum is 1.</param>
    public void Enclose(ReadOnlySpan<float> position, Span<long> vertices, Span<float> weights)
    {
        var d = _dimensions;
        Span<float> elevated = stackalloc float[d + 1];
        Span<int> nearest = stackalloc int[d + 1];
        Span<int> rank = stackalloc int[d + 1];

        // Onto the hyperplane of coordinates whose sum is 0.
        var sum = 0f;
        for (var n = d; n > 0; n--)
        {
            var scaled = position[n - 1] * _scale[n - 1];
            elevated[n] = sum - n * scaled;
            sum += scaled;
        }
        elevated[0] = sum;

        // The nearest point whose coordinates are multiples of d + 1; its sum may be off by as many cells.
        var off = 0;
        var cell = 1f / (d + 1);
        for (var n = 0; n <= d; n++)
        {
            elevated[n] *= cell;
            nearest[n] = (int)MathF.Round(elevated[n]);
            off += nearest[n];
            elevated[n] -= nearest[n];
        }
        rank.Clear();
        for (var a = 0; a < d; a++)
        {
            for (var b = a + 1; b <= d; b++)
            {
                var less = elevated[a] < elevated[b] ? 1 : 0;
                rank[a] += less;
                rank[b] += 1 - less;
            }
        }
        Span<float> barycentric = stackalloc float[d + 2];
        Span<int> ranked = stackalloc int[d + 1];
        barycentric.Clear();
        long name = 0;
        for (var n = 0; n <= d; n++)
        {
            rank[n] += off;
            var moved =
                rank[n] < 0 ? 1
                : rank[n] > d ? -1
                : 0;
            rank[n] += moved * (d + 1);
            nearest[n] += moved;
            elevated[n] -= moved;
            ranked[rank[n]] = n;
            barycentric[d - rank[n]] += elevated[n];
            barycentric[d + 1 - rank[n]] -= elevated[n];
            if (n < d)
            {
                name += (nearest[n] - _lowest[n]) * _stride[n];
            }
        }
        barycentric[0] += 1 + barycentric[d + 1];

        // The vertex of remainder k is one cell lower in the k coordinates of highest rank.
        for (var k = 0; k <= d; k++)
        {
            if (k > 0)
            {
                name -= _stride[ranked[d + 1 - k]];
            }
            vertices[k] = name * (d + 1) + k;
            weights[k] = barycentric[k];
        }
    }

    /// <summary>The two neighbours of a vertex along one of the d + 1 directions of the blur.</summary>
    public (long Before, long After) Neighbours(long vertex, int direction)
    {
        var n = _dimensions + 1;
        var remainder = vertex % n;
        // Every coordinate one less, that of the direction d more; where the remainder falls below 0, all others lose a cell.
        var step = n * _stride[direction] - 1;
        var around = n * (_allStrides - 1);
        return (
            vertex + step - (remainder == 0 ? around : 0),
            vertex - step + (remainder == n - 1 ? around : 0)
        );
    }
}
