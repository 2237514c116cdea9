namespace Platform.Imaging.Registration;

/// <summary>What an affine or rigid alignment maximises. The non-rigid part rises on local correlation always.</summary>
public enum Similarity
{
    /// <summary>Local normalised cross-correlation: images of one contrast, or nearly so; robust to slow changes of intensity.</summary>
    LocalCorrelation,

    /// <summary>Mutual information: images of any two contrasts, such as T1 and FLAIR.</summary>
    MutualInformation,
}

/// <summary>What a linear alignment may do.</summary>
public enum LinearModel
{
    /// <summary>Twelve parameters: two bodies.</summary>
    Affine,

    /// <summary>Six parameters, shift and rotation: one body in two images.</summary>
    Rigid,
}

/// <summary>
/// How images are aligned. The defaults suit one organ or brain across people; what depends on the grid is in voxels of the level,
/// so that the same options serve a 2 mm brain and a 1 mm crop.
/// </summary>
public sealed record RegistrationOptions
{
    /// <summary>Spacings of the levels in mm, coarse to fine. A finer image is smoothed and thinned to them; a coarser one keeps its own grid.</summary>
    public IReadOnlyList<double> SpacingsMm { get; init; } = [8, 4, 2];

    /// <summary>What the linear alignment maximises.</summary>
    public Similarity Similarity { get; init; }

    /// <summary>
    /// What the linear alignment may do. A rigid one starts from where the two worlds put the images, as sequences of one study lie nearly right, and
    /// searches nowhere else: 40 mm and 20 degrees of a head are found.
    /// </summary>
    public LinearModel Model { get; init; }

    /// <summary>Threads one alignment by mutual information uses. The result does not depend on it.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Affine or rigid iterations at most, a level; levels beyond the list have none.</summary>
    public IReadOnlyList<int> AffineIterations { get; init; } = [30, 15];

    /// <summary>
    /// How far from aligned centres of the two fields of view the search over shifts goes, mm; null searches wherever the mask's centre stays
    /// inside the moving image. Crops cut around one structure need a few mm, and more would only find other look-alikes.
    /// </summary>
    public double? LargestShiftMm { get; init; }

    /// <summary>How many of the shifts that correlate best are refined before one is kept.</summary>
    public int Starts { get; init; } = 4;

    /// <summary>Non-rigid iterations at most, a level; levels beyond the list have none.</summary>
    public IReadOnlyList<int> DeformableIterations { get; init; } = [30, 30, 12];

    /// <summary>Standard deviation of the Gaussian window of the local correlation, voxels.</summary>
    public double WindowSigma { get; init; } = 2;

    /// <summary>Gaussian smoothing of each update (fluid regularisation), standard deviation in voxels.</summary>
    public double FluidSigma { get; init; } = 1;

    /// <summary>Gaussian smoothing of the velocity after each update (diffusion regularisation), standard deviation in voxels.</summary>
    public double DiffusionSigma { get; init; } = 0.7;

    /// <summary>How far around the fixed image's mask the images are compared, mm: enough to see the structure's border.</summary>
    public double MaskMarginMm { get; init; } = 6;

    /// <summary>A level ends when the mean correlation rose by less than this over the last five iterations.</summary>
    public double Tolerance { get; init; } = 5e-4;
}
