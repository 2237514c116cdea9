namespace Platform.Imaging;

/// <summary>Index of a target grid → index of a source grid, both at voxel centres: row-major 3×4.</summary>
internal sealed class GridMap
{
    /// <summary>Misalignment, in voxels over the whole grid, below which axes count as parallel.</summary>
    private const double Parallel = 1e-3;

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

    /// <summary>Target steps in source voxels along each source axis: above 1 means down-sampling.</summary>
    public (double I, double J, double K) Factors => (Factor(0), Factor(1), Factor(2));

    /// <summary>
    /// Standard deviation, in source voxels, of the Gaussian that turns a point spread of one source voxel FWHM into one of
    /// <paramref name="factor"/> voxels FWHM: σ = √(f² − 1) / (2√(2 ln 2)); 0 for f ≤ 1
    /// (Cardoso et al., Scale factor point spread function matching, MICCAI 2015).
    /// </summary>
    public static double AntiAliasSigma(double factor) =>
        factor <= 1.001 ? 0 : Math.Sqrt(factor * factor - 1) / (2 * Math.Sqrt(2 * Math.Log(2)));

    private double Factor(int row) =>
        Math.Sqrt(
            M[4 * row] * M[4 * row]
                + M[4 * row + 1] * M[4 * row + 1]
                + M[4 * row + 2] * M[4 * row + 2]
        );
}
