namespace Platform.Imaging;

/// <summary>
/// Exact Euclidean distance transform with anisotropic spacing, one axis at a time: two scans along i, then the lower envelope of parabolas along
/// j and k (Felzenszwalb and Huttenlocher, Distance transforms of sampled functions, 2012).
/// </summary>
public static class DistanceTransform
{
    private const int Lines = 16;

    /// <summary>Distance in mm from each voxel's centre to the nearest non-zero voxel's centre; infinite where there is none.</summary>
    public static Volume<float> ToMask(Volume<byte> mask)
    {
        var squared = Squared(mask.Voxels, mask.Geometry.Shape, mask.Geometry.Spacing);
        System.Numerics.Tensors.TensorPrimitives.Sqrt(squared, squared);
        return new Volume<float>(mask.Geometry, squared);
    }

    internal static float[] Squared(
        byte[] mask,
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing
    )
    {
        var (ni, nj, nk) = shape;
        var squared = GC.AllocateUninitializedArray<float>(mask.Length);
        Parallel.For(
            0,
            nk,
            () => new Envelope(Math.Max(nj, nk)),
            (k, _, envelope) =>
            {
                for (var j = 0; j < nj; j++)
                {
                    var at = ni * (j + nj * k);
                    Scan(mask.AsSpan(at, ni), (float)spacing.I, squared.AsSpan(at, ni));
                }
                for (var i = 0; i < ni; i += Lines)
                {
                    envelope.Apply(
                        squared,
                        i + ni * nj * k,
                        ni,
                        nj,
                        Math.Min(Lines, ni - i),
                        spacing.J
                    );
                }
                return envelope;
            },
            _ => { }
        );
        Parallel.For(
            0,
            nj,
            () => new Envelope(Math.Max(nj, nk)),
            (j, _, envelope) =>
            {
                for (var i = 0; i < ni; i += Lines)
                {
                    envelope.Apply(
                        squared,
                        i + ni * j,
                        ni * nj,
                        nk,
                        Math.Min(Lines, ni - i),
                        spacing.K
                    );
                }
                return envelope;
            },
            _ => { }
        );
        return squared;
    }

    private static void Scan(ReadOnlySpan<byte> mask, float spacing, Span<float> squared)
    {
        var since = float.PositiveInfinity;
        for (var i = 0; i < mask.Length; i++)
        {
            since = mask[i] != 0 ? 0 : since + 1;
            squared[i] = since;
        }
        since = float.PositiveInfinity;
        for (var i = mask.Length - 1; i >= 0; i--)
        {
            since = mask[i] != 0 ? 0 : since + 1;
            var mm = Math.Min(since, squared[i]) * spacing;
            squared[i] = mm * mm;
        }
    }

    /// <summary>Lines of one axis, a few at a time so that whole cache lines are moved.</summary>
    private sealed class Envelope(int longest)
    {
        private readonly float[] _values = new float[longest * Lines];
        private readonly int[] _vertex = new int[longest];
        private readonly double[] _from = new double[longest + 1];

        // 1 / n: a table is quicker than a division for every parabola met.
        private readonly double[] _inverse =
        [
            .. Enumerable.Range(0, longest + 1).Select(n => 1.0 / n),
        ];

        public void Apply(
            float[] squared,
            int start,
            int stride,
            int count,
            int width,
            double spacing
        )
        {
            for (var n = 0; n < count; n++)
            {
                for (var line = 0; line < width; line++)
                {
                    _values[line * count + n] = squared[start + n * stride + line];
                }
            }
            for (var line = 0; line < width; line++)
            {
                Lower(_values.AsSpan(line * count, count), squared, start + line, stride, spacing);
            }
        }

        private void Lower(
            ReadOnlySpan<float> f,
            float[] target,
            int start,
            int stride,
            double spacing
        )
        {
            // In voxels along this axis: parabola n is s²(x − n)² + f(n); two of them cross at a known x.
            var perSquare = 1 / (spacing * spacing);
            var top = -1;
            for (var n = 0; n < f.Length; n++)
            {
                if (float.IsPositiveInfinity(f[n]))
                {
                    continue;
                }
                var cross = double.NegativeInfinity;
                while (top >= 0)
                {
                    var v = _vertex[top];
                    cross = 0.5 * ((f[n] - (double)f[v]) * perSquare * _inverse[n - v] + n + v);
                    if (cross > _from[top])
                    {
                        break;
                    }
                    top--;
                    cross = double.NegativeInfinity;
                }
                _vertex[++top] = n;
                _from[top] = cross;
            }
            if (top < 0)
            {
                return;
            }
            _from[top + 1] = double.PositiveInfinity;
            var at = 0;
            for (var n = 0; n < f.Length; n++)
            {
                while (_from[at + 1] < n)
                {
                    at++;
                }
                var mm = (n - _vertex[at]) * spacing;
                target[start + n * stride] = (float)(mm * mm + f[_vertex[at]]);
            }
        }
    }
}
