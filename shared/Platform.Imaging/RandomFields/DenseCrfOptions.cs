namespace Platform.Imaging.RandomFields;

/// <summary>
/// A fully connected conditional random field with a Potts model and two Gaussian kernels (Krähenbühl and Koltun 2011). The constants are those that DeepMedic
/// ships (Kamnitsas 2017), which are in voxels of 1 mm; here they are mm, so that they mean the same on any grid.
/// </summary>
/// <remarks>
/// Each kernel is normalised at every voxel: a weight is what a neighbourhood of one opinion adds to the score of its class, in nats, whatever the
/// spacing.
/// </remarks>
public sealed record DenseCrfOptions
{
    /// <summary>Most steps there can be.</summary>
    public const int MostIterations = 20;

    /// <summary>Steps of the mean field, 1 to <see cref="MostIterations"/>.</summary>
    public int Iterations { get; init; } = 2;

    /// <summary>Weight of the positional kernel: voxels near each other have the same label. 0 leaves it out.</summary>
    public double PositionalWeight { get; init; } = 3;

    /// <summary>Its deviations along i, j, k, mm.</summary>
    public IReadOnlyList<double> PositionalDeviationMm { get; init; } = [3, 3, 3];

    /// <summary>Weight of the bilateral kernel: voxels near each other and of similar intensity have the same label. 0 leaves it out.</summary>
    public double BilateralWeight { get; init; } = 5;

    /// <summary>Its deviations along i, j, k, mm.</summary>
    public IReadOnlyList<double> BilateralDeviationMm { get; init; } = [17, 12, 10];

    /// <summary>
    /// Its deviation in each channel, in standard deviations of the image's foreground. DeepMedic's 4.5 and 3.5 of 255 levels over
    /// [−3.1, 3.1] are 0.109 and 0.085.
    /// </summary>
    public required IReadOnlyList<double> IntensityDeviation { get; init; }
}
