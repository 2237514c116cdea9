using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Normal equations of an affine step from the forces of a level: minimise Σ (residual − gradient·P·(x, 1))² over the 3×4 matrix P.
/// Positions and gradients are in mm along the level's axes, centred and scaled, so that all twelve parameters weigh alike.
/// </summary>
internal sealed class AffineNormalEquations(FixedLevel level)
{
    /// <summary>mm by which positions are scaled: about the radius of the level's grid.</summary>
    private readonly double _scale =
        0.5
        * Math.Max(
            level.Geometry.Shape.I * level.Geometry.Spacing.I,
            Math.Max(
                level.Geometry.Shape.J * level.Geometry.Spacing.J,
                level.Geometry.Shape.K * level.Geometry.Spacing.K
            )
        );

    /// <summary>Sixty entries of the matrix, twelve of the right-hand side.</summary>
    private const int Unknowns = 72;

    private readonly double[] _sums = new double[FixedLevel.Slabs * Unknowns];
    private readonly double[,] _hessian = new double[12, 12];
    private readonly double[] _gradient = new double[12];

    private (double X, double Y, double Z) Centre =>
        (
            0.5 * (level.Geometry.Shape.I - 1),
            0.5 * (level.Geometry.Shape.J - 1),
            0.5 * (level.Geometry.Shape.K - 1)
        );

    /// <summary>Sums the equations over the mask.</summary>
    /// <param name="force">Four floats a voxel: gradient along i, j, k per voxel; residual.</param>
    /// <param name="threads">Slabs worked on at a time; the result does not depend on it.</param>
    public void Sum(float[] force, int threads)
    {
        level.ForEachSlab(
            threads,
            (slab, rows) => Sum(force, rows, _sums.AsSpan(slab * Unknowns, Unknowns))
        );
        var total = _sums.AsSpan(0, Unknowns);
        for (var slab = 1; slab < FixedLevel.Slabs; slab++)
        {
            TensorPrimitives.Add(total, _sums.AsSpan(slab * Unknowns, Unknowns), total);
        }
        Unpack(total[..60], total[60..]);
    }

    /// <summary>Σ (g gᵀ) ⊗ (x xᵀ), six products of gradients times ten of positions, then Σ g r ⊗ x. Along a row only x changes: sums of 1, x and x² do.</summary>
    private void Sum(float[] force, Range rows, Span<double> sums)
    {
        sums.Clear();
        var (shape, spacing, centre) = (level.Geometry.Shape, level.Geometry.Spacing, Centre);
        var perMm = Vector128.Create(
            (float)(1 / spacing.I),
            (float)(1 / spacing.J),
            (float)(1 / spacing.K),
            1
        );
        Span<float> products = stackalloc float[36];
        Span<float> x = stackalloc float[3];
        ref var first = ref MemoryMarshal.GetArrayDataReference(force);
        for (var row = rows.Start.Value; row < rows.End.Value; row++)
        {
            var (begin, end) = level.Rows[row];
            if (begin == end)
            {
                continue;
            }
            Vector128<float> a0 = default,
                a1 = default,
                a2 = default,
                b0 = default,
                b1 = default,
                b2 = default,
                c0 = default,
                c1 = default,
                c2 = default;
            for (var i = begin; i < end; i++)
            {
                var f = perMm * Vector128.LoadUnsafe(ref first, (nuint)(4 * (row * shape.I + i)));
                var at = Vector128.Create((float)((i - centre.X) * spacing.I / _scale));
                Vector128<float> a = f * f.GetElement(0),
                    b = f * f.GetElement(1),
                    c = f * f.GetElement(2);
                a0 += a;
                b0 += b;
                c0 += c;
                a *= at;
                b *= at;
                c *= at;
                a1 += a;
                b1 += b;
                c1 += c;
                a2 += a * at;
                b2 += b * at;
                c2 += c * at;
            }
            a0.CopyTo(products);
            b0.CopyTo(products[4..]);
            c0.CopyTo(products[8..]);
            a1.CopyTo(products[12..]);
            b1.CopyTo(products[16..]);
            c1.CopyTo(products[20..]);
            a2.CopyTo(products[24..]);
            b2.CopyTo(products[28..]);
            c2.CopyTo(products[32..]);
            x[0] = (float)((row % shape.J - centre.Y) * spacing.J / _scale);
            x[1] = (float)((row / shape.J - centre.Z) * spacing.K / _scale);
            x[2] = 1;
            Add(sums, products, x);
        }
    }

    /// <summary>Adds a row: <paramref name="products"/> are Σ of (aa, ab, ac, ar, ba, bb, bc, br, ca, cb, cc, cr) times 1, x, x²; <paramref name="x"/> its y, z, 1.</summary>
    private static void Add(Span<double> sums, ReadOnlySpan<float> products, ReadOnlySpan<float> x)
    {
        ReadOnlySpan<int> pairs = [0, 1, 2, 5, 6, 10];
        var m = 0;
        for (var p = 0; p < 4; p++)
        {
            for (var q = p; q < 4; q++, m += 6)
            {
                // How often x itself is a factor, and the rest of the product.
                var power = (p == 0 ? 1 : 0) + (q == 0 ? 1 : 0);
                var rest = (p == 0 ? 1f : x[p - 1]) * (q == 0 ? 1f : x[q - 1]);
                for (var n = 0; n < 6; n++)
                {
                    sums[m + n] += rest * products[12 * power + pairs[n]];
                }
            }
            for (var axis = 0; axis < 3; axis++)
            {
                sums[60 + 4 * axis + p] +=
                    p == 0 ? products[15 + 4 * axis] : x[p - 1] * products[3 + 4 * axis];
            }
        }
    }

    /// <summary>The damped step within a basis of the twelve entries; null where the equations are singular.</summary>
    /// <returns>The update in fixed world, to be applied before the current map, and the largest shift it makes at the grid's edge, in voxels.</returns>
    public (AffineTransform Update, double LargestShift)? Solve(
        (int Entry, double Value)[][] basis,
        double damping
    )
    {
        var size = basis.Length;
        var matrix = new double[size, size + 1];
        for (var r = 0; r < size; r++)
        {
            foreach (var (entry, value) in basis[r])
            {
                matrix[r, size] += value * _gradient[entry];
                for (var c = 0; c < size; c++)
                {
                    foreach (var (other, otherValue) in basis[c])
                    {
                        matrix[r, c] += value * otherValue * _hessian[entry, other];
                    }
                }
            }
        }
        for (var r = 0; r < size; r++)
        {
            matrix[r, r] *= 1 + damping;
        }
        if (!LinearSystem.TrySolve(matrix, out var solution))
        {
            return null;
        }
        var p = new double[12];
        for (var r = 0; r < size; r++)
        {
            foreach (var (entry, value) in basis[r])
            {
                p[entry] += value * solution[r];
            }
        }
        var (spacing, centre) = (level.Geometry.Spacing, Centre);
        double[] mm = [spacing.I, spacing.J, spacing.K];
        double[] at = [centre.X * spacing.I, centre.Y * spacing.J, centre.Z * spacing.K];
        // From mm along the axes to voxels: y = x + P·((x − centre)/scale, 1).
        var update = new double[12];
        var largest = 0.0;
        for (var row = 0; row < 3; row++)
        {
            var shift = Math.Abs(p[row * 4 + 3]);
            update[row * 4 + 3] = p[row * 4 + 3] / mm[row];
            for (var column = 0; column < 3; column++)
            {
                var entry = p[row * 4 + column] / _scale;
                update[row * 4 + column] = (row == column ? 1 : 0) + entry * mm[column] / mm[row];
                update[row * 4 + 3] -= entry * at[column] / mm[row];
                shift += Math.Abs(p[row * 4 + column]);
            }
            largest = Math.Max(largest, shift / mm[row]);
        }
        var world = AffineTransform
            .IndexToWorld(level.Geometry)
            .After(new AffineTransform(update))
            .After(AffineTransform.WorldToIndex(level.Geometry));
        return (world, largest);
    }

    private void Unpack(ReadOnlySpan<double> blocks, ReadOnlySpan<double> right)
    {
        ReadOnlySpan<int> pair = [0, 1, 2, 1, 3, 4, 2, 4, 5];
        var m = 0;
        for (var p = 0; p < 4; p++)
        {
            for (var q = p; q < 4; q++, m += 6)
            {
                for (var a = 0; a < 3; a++)
                {
                    for (var b = 0; b < 3; b++)
                    {
                        var value = blocks[m + pair[a * 3 + b]];
                        _hessian[a * 4 + p, b * 4 + q] = value;
                        _hessian[a * 4 + q, b * 4 + p] = value;
                    }
                }
            }
        }
        right.CopyTo(_gradient);
    }
}
