namespace Platform.Imaging.Registration;

/// <summary>An affine map of points in 3D, x ↦ R·x + t, row-major 3×4 as <see cref="VolumeGeometry.Affine"/>.</summary>
public sealed class AffineTransform
{
    private readonly double[] _m;

    /// <summary>Copies 12 entries, row-major 3×4.</summary>
    public AffineTransform(ReadOnlySpan<double> entries)
    {
        if (entries.Length != 12)
        {
            throw new ArgumentException(
                $"an affine has 12 entries, not {entries.Length}",
                nameof(entries)
            );
        }
        _m = entries.ToArray();
    }

    /// <summary>x ↦ x.</summary>
    public static AffineTransform Identity { get; } = new([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);

    /// <summary>The 12 entries, row-major 3×4.</summary>
    public ReadOnlySpan<double> Entries => _m;

    /// <summary>Determinant of the linear part: how much volumes grow.</summary>
    public double Determinant =>
        _m[0] * (_m[5] * _m[10] - _m[6] * _m[9])
        - _m[1] * (_m[4] * _m[10] - _m[6] * _m[8])
        + _m[2] * (_m[4] * _m[9] - _m[5] * _m[8]);

    /// <summary>A shift by (x, y, z).</summary>
    public static AffineTransform Translation(double x, double y, double z) =>
        new([1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z]);

    /// <summary>Index → world (mm) of a grid.</summary>
    public static AffineTransform IndexToWorld(VolumeGeometry geometry) => new(geometry.Affine);

    /// <summary>World (mm) → index of a grid.</summary>
    public static AffineTransform WorldToIndex(VolumeGeometry geometry) =>
        new(geometry.InverseAffine());

    /// <summary>The image of a point.</summary>
    public (double X, double Y, double Z) Apply(double x, double y, double z) =>
        (
            _m[0] * x + _m[1] * y + _m[2] * z + _m[3],
            _m[4] * x + _m[5] * y + _m[6] * z + _m[7],
            _m[8] * x + _m[9] * y + _m[10] * z + _m[11]
        );

    /// <summary>First <paramref name="first"/>, then this.</summary>
    public AffineTransform After(AffineTransform first)
    {
        var product = new double[12];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 4; column++)
            {
                var sum = column == 3 ? _m[row * 4 + 3] : 0;
                for (var n = 0; n < 3; n++)
                {
                    sum += _m[row * 4 + n] * first._m[n * 4 + column];
                }
                product[row * 4 + column] = sum;
            }
        }
        return new AffineTransform(product);
    }

    /// <summary>The rigid map whose rotation is nearest to the linear part and that takes <paramref name="pivot"/> where this does.</summary>
    /// <exception cref="VolumeException">The linear part is singular.</exception>
    public AffineTransform NearestRigid((double X, double Y, double Z) pivot)
    {
        // The polar decomposition by Newton's iteration, R ← (R + R⁻ᵀ) / 2 (Higham, SIAM J. Sci. Stat. Comput. 7:1160, 1986).
        var rotation = this;
        for (var change = 1.0; change > 1e-12; )
        {
            var inverse = rotation.Inverse()._m;
            var next = new double[12];
            change = 0;
            for (var row = 0; row < 3; row++)
            {
                for (var column = 0; column < 3; column++)
                {
                    var n = row * 4 + column;
                    next[n] = 0.5 * (rotation._m[n] + inverse[column * 4 + row]);
                    change = Math.Max(change, Math.Abs(next[n] - rotation._m[n]));
                }
            }
            rotation = new AffineTransform(next);
        }
        var (to, turned) = (
            Apply(pivot.X, pivot.Y, pivot.Z),
            rotation.Apply(pivot.X, pivot.Y, pivot.Z)
        );
        return Translation(to.X - turned.X, to.Y - turned.Y, to.Z - turned.Z).After(rotation);
    }

    /// <summary>The angle of the linear part, a rotation, in degrees.</summary>
    public double RotationDegrees =>
        Math.Acos(Math.Clamp((_m[0] + _m[5] + _m[10] - 1) / 2, -1, 1)) * 180 / Math.PI;

    /// <summary>The inverse map.</summary>
    /// <exception cref="VolumeException">The linear part is singular.</exception>
    public AffineTransform Inverse() => new(new VolumeGeometry((1, 1, 1), _m).InverseAffine());
}
