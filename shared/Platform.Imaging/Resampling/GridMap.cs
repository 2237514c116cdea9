namespace Platform.Imaging;

/// <summary>Index of a target grid → index of a source grid, both at voxel centres: row-major 3×4.</summary>
internal sealed class GridMap
{
    /// <summary>Misalignment, in voxels over the whole grid, below which axes count as parallel.</summary>
    private const double Parallel = 1e-3;

    /// <summary>Rounding allowed at the outer edges of the field of view, in voxels.</summary>
    public const double Edge = 1e-4;

    public GridMap(VolumeGeometry source, VolumeGeometry target)
    {
        var inverse = source.InverseAffine();
        var forward = target.Affine;
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 4; column++)
            {
                var sum = column == 3 ? inverse[4 * row + 3] : 0;
                for (var n = 0; n < 3; n++)
                {
                    sum += inverse[4 * row + n] * forward[4 * n + column];
                }
                M[4 * row + column] = sum;
            }
        }
        Aligned = true;
        int[] extent = [target.Shape.I - 1, target.Shape.J - 1, target.Shape.K - 1];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                Aligned &=
                    row == column || Math.Abs(M[4 * row + column]) * extent[column] < Parallel;
            }
        }
    }

    public double[] M { get; } = new double[12];

    /// <summary>Whether each target axis runs along the source axis of the same number.</summary>
    public bool Aligned { get; }

    /// <summary>
    /// Standard deviation along each source axis, in source voxels, of the Gaussian that turns a point spread of one source voxel FWHM into
    /// one of f voxels FWHM, f being the target step: σ = √(f² − 1) / (2√(2 ln 2)); 0 for f ≤ 1
    /// (Cardoso et al., Scale factor point spread function matching, MICCAI 2015).
    /// </summary>
    public (double I, double J, double K) AntiAliasSigma => (Sigma(0), Sigma(1), Sigma(2));

    /// <summary>Whether a position along an axis lies within the field of view: between the outer edges of the edge voxels.</summary>
    public static bool IsInside(double x, int count) => x >= -0.5 - Edge && x <= count - 0.5 + Edge;

    private double Sigma(int row)
    {
        var (x, y, z) = (M[4 * row], M[4 * row + 1], M[4 * row + 2]);
        var factor = Math.Sqrt(x * x + y * y + z * z);
        return factor <= 1.001
            ? 0
            : Math.Sqrt(factor * factor - 1) / (2 * Math.Sqrt(2 * Math.Log(2)));
    }
}
