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
    public void Sum(float[] force)
    {
        // Σ (g gᵀ) ⊗ (x xᵀ): six products of gradients times ten of positions.
        Span<double> blocks = stackalloc double[60];
        Span<double> right = stackalloc double[12];
        Span<float> rowBlocks = stackalloc float[60];
        Span<float> rowRight = stackalloc float[12];
        Span<float> x = [0, 0, 0, 1];
        var (shape, spacing, centre) = (level.Geometry.Shape, level.Geometry.Spacing, Centre);
        float gi = (float)(1 / spacing.I),
            gj = (float)(1 / spacing.J),
            gk = (float)(1 / spacing.K);
        for (var row = 0; row < level.Rows.Length; row++)
        {
            var (first, end) = level.Rows[row];
            if (first == end)
            {
                continue;
            }
            x[1] = (float)((row % shape.J - centre.Y) * spacing.J / _scale);
            x[2] = (float)((row / shape.J - centre.Z) * spacing.K / _scale);
            rowBlocks.Clear();
            rowRight.Clear();
            for (var i = first; i < end; i++)
            {
                var f = force.AsSpan(4 * (row * shape.I + i), 4);
                float a = f[0] * gi,
                    b = f[1] * gj,
                    c = f[2] * gk,
                    r = f[3];
                if (a == 0 && b == 0 && c == 0)
                {
                    continue;
                }
                x[0] = (float)((i - centre.X) * spacing.I / _scale);
                var m = 0;
                for (var p = 0; p < 4; p++)
                {
                    rowRight[p] += a * r * x[p];
                    rowRight[4 + p] += b * r * x[p];
                    rowRight[8 + p] += c * r * x[p];
                    for (var q = p; q < 4; q++, m += 6)
                    {
                        var xx = x[p] * x[q];
                        rowBlocks[m] += a * a * xx;
                        rowBlocks[m + 1] += a * b * xx;
                        rowBlocks[m + 2] += a * c * xx;
                        rowBlocks[m + 3] += b * b * xx;
                        rowBlocks[m + 4] += b * c * xx;
                        rowBlocks[m + 5] += c * c * xx;
                    }
                }
            }
            for (var n = 0; n < 60; n++)
            {
                blocks[n] += rowBlocks[n];
            }
            for (var n = 0; n < 12; n++)
            {
                right[n] += rowRight[n];
            }
        }
        Unpack(blocks, right);
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
