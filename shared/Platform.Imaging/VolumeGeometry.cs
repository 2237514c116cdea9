namespace Platform.Imaging;

/// <summary>
/// Where a volume's voxels lie. The affine maps voxel indices (i, j, k), at voxel centres, to RAS+ world millimetres
/// (x to the patient's right, y anterior, z superior), as NIfTI defines it.
/// </summary>
public sealed record VolumeGeometry
{
    /// <summary>Makes a geometry.</summary>
    /// <param name="shape">Voxels along i, j, k; each at least 1.</param>
    /// <param name="affine">Index → world, row-major 3×4: x = a[0]·i + a[1]·j + a[2]·k + a[3], then y, then z (mm).</param>
    /// <exception cref="VolumeException">A dimension below 1, a non-finite entry or a singular affine.</exception>
    public VolumeGeometry((int I, int J, int K) shape, ReadOnlySpan<double> affine)
    {
        if (affine.Length != 12)
        {
            throw new ArgumentException(
                $"an affine has 12 entries, not {affine.Length}",
                nameof(affine)
            );
        }
        if (shape.I < 1 || shape.J < 1 || shape.K < 1)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"shape {shape.I}×{shape.J}×{shape.K}: every dimension must be at least 1"
            );
        }
        _affine = affine.ToArray();
        foreach (var entry in _affine)
        {
            if (!double.IsFinite(entry))
            {
                throw new VolumeException(
                    VolumeFault.BadGeometry,
                    "the affine has a non-finite entry"
                );
            }
        }
        Shape = shape;
        Spacing = (Column(0), Column(1), Column(2));
        var volume = Math.Abs(Determinant());
        var edges = Spacing.I * Spacing.J * Spacing.K;
        if (!(edges > 0) || volume < 1e-6 * edges)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"the affine is singular (spacing {Spacing.I:g4}×{Spacing.J:g4}×{Spacing.K:g4} mm)"
            );
        }
    }

    private readonly double[] _affine;

    /// <summary>Voxels along i, j, k.</summary>
    public (int I, int J, int K) Shape { get; }

    /// <summary>Distance between neighbouring voxel centres along i, j, k in mm: the lengths of the affine's columns.</summary>
    public (double I, double J, double K) Spacing { get; }

    /// <summary>Index → world, row-major 3×4, mm.</summary>
    public ReadOnlySpan<double> Affine => _affine;

    /// <summary>Number of voxels.</summary>
    public long VoxelCount => (long)Shape.I * Shape.J * Shape.K;

    /// <summary>Volume of one voxel in mm³.</summary>
    public double VoxelVolume => Math.Abs(Determinant());

    /// <summary>An axis-aligned RAS geometry.</summary>
    /// <param name="shape">Voxels along R, A, S.</param>
    /// <param name="spacing">Spacing in mm.</param>
    /// <param name="origin">World position of voxel (0, 0, 0) in mm.</param>
    public static VolumeGeometry Ras(
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing,
        (double X, double Y, double Z) origin = default
    ) =>
        new(
            shape,
            [spacing.I, 0, 0, origin.X, 0, spacing.J, 0, origin.Y, 0, 0, spacing.K, origin.Z]
        );

    /// <summary>World position (mm) of a point in index space.</summary>
    public (double X, double Y, double Z) ToWorld(double i, double j, double k)
    {
        var a = _affine;
        return (
            a[0] * i + a[1] * j + a[2] * k + a[3],
            a[4] * i + a[5] * j + a[6] * k + a[7],
            a[8] * i + a[9] * j + a[10] * k + a[11]
        );
    }

    /// <summary>World → index, row-major 3×4.</summary>
    public double[] InverseAffine()
    {
        var a = _affine;
        var d = Determinant();
        double c00 = a[5] * a[10] - a[6] * a[9],
            c01 = a[2] * a[9] - a[1] * a[10],
            c02 = a[1] * a[6] - a[2] * a[5];
        double c10 = a[6] * a[8] - a[4] * a[10],
            c11 = a[0] * a[10] - a[2] * a[8],
            c12 = a[2] * a[4] - a[0] * a[6];
        double c20 = a[4] * a[9] - a[5] * a[8],
            c21 = a[1] * a[8] - a[0] * a[9],
            c22 = a[0] * a[5] - a[1] * a[4];
        double[] r =
        [
            c00 / d,
            c01 / d,
            c02 / d,
            0,
            c10 / d,
            c11 / d,
            c12 / d,
            0,
            c20 / d,
            c21 / d,
            c22 / d,
            0,
        ];
        for (var row = 0; row < 3; row++)
        {
            r[row * 4 + 3] = -(r[row * 4] * a[3] + r[row * 4 + 1] * a[7] + r[row * 4 + 2] * a[11]);
        }
        return r;
    }

    /// <summary>
    /// The closest anatomical axis of each index axis, for example "RAS" or "LPS": the letter is the direction in which the index grows.
    /// Each of the three anatomical axes is used once, assigned by the largest direction cosine first.
    /// </summary>
    public string Orientation
    {
        get
        {
            Span<char> codes = stackalloc char[3];
            Span<bool> rowTaken = stackalloc bool[3];
            Span<bool> columnTaken = stackalloc bool[3];
            double[] lengths = [Spacing.I, Spacing.J, Spacing.K];
            for (var step = 0; step < 3; step++)
            {
                var (best, bestRow, bestColumn) = (-1.0, 0, 0);
                for (var row = 0; row < 3; row++)
                {
                    for (var column = 0; column < 3; column++)
                    {
                        var cosine = Math.Abs(_affine[row * 4 + column]) / lengths[column];
                        if (!rowTaken[row] && !columnTaken[column] && cosine > best)
                        {
                            (best, bestRow, bestColumn) = (cosine, row, column);
                        }
                    }
                }
                rowTaken[bestRow] = columnTaken[bestColumn] = true;
                codes[bestColumn] = (_affine[bestRow * 4 + bestColumn] > 0 ? "RAS" : "LPI")[
                    bestRow
                ];
            }
            return new string(codes);
        }
    }

    /// <summary>Same shape, and affines equal within <paramref name="toleranceMm"/> entry by entry.</summary>
    public bool IsCloseTo(VolumeGeometry other, double toleranceMm = 1e-3)
    {
        for (var n = 0; n < 12; n++)
        {
            if (Math.Abs(_affine[n] - other._affine[n]) > toleranceMm)
            {
                return false;
            }
        }
        return Shape == other.Shape;
    }

    /// <inheritdoc/>
    public bool Equals(VolumeGeometry? other) =>
        other is not null && Shape == other.Shape && _affine.AsSpan().SequenceEqual(other._affine);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(Shape, _affine[0], _affine[5], _affine[10], _affine[3]);

    private double Column(int n) =>
        Math.Sqrt(
            _affine[n] * _affine[n]
                + _affine[4 + n] * _affine[4 + n]
                + _affine[8 + n] * _affine[8 + n]
        );

    private double Determinant()
    {
        var a = _affine;
        return a[0] * (a[5] * a[10] - a[6] * a[9])
            - a[1] * (a[4] * a[10] - a[6] * a[8])
            + a[2] * (a[4] * a[9] - a[5] * a[8]);
    }
}
