namespace Platform.Contracts;

/// <summary>What an alignment of two images maximises.</summary>
public enum ImageSimilarity
{
    /// <summary>Local normalised cross-correlation: images of one contrast, or nearly so.</summary>
    LocalCorrelation,

    /// <summary>Mutual information: images of any two contrasts.</summary>
    MutualInformation,
}

/// <summary>
/// What a reference set states about its registrations. What is null stays as it is by default: levels at four, two and one times the
/// references' spacing, an affine search over the whole field of view.
/// </summary>
public sealed record RegistrationSettings
{
    /// <summary>Spacings of the levels in mm, coarse to fine; the last may be coarser than the references, labels are compared at theirs.</summary>
    public IReadOnlyList<double>? SpacingsMm { get; init; }

    /// <summary>Affine iterations at most, a level.</summary>
    public IReadOnlyList<int>? AffineIterations { get; init; }

    /// <summary>What the affine part maximises; the non-rigid part rises on local correlation always.</summary>
    public ImageSimilarity? Similarity { get; init; }

    /// <summary>Non-rigid iterations at most, a level.</summary>
    public IReadOnlyList<int>? DeformableIterations { get; init; }

    /// <summary>How far from aligned centres of the fields of view shifts are searched, mm; for crops cut around one structure a few.</summary>
    public double? LargestShiftMm { get; init; }

    /// <summary>Shifts refined before one is kept.</summary>
    public int? Starts { get; init; }

    /// <summary>How far around the labelled part images are compared, mm.</summary>
    public double? MaskMarginMm { get; init; }

    /// <summary>Gaussian smoothing of each non-rigid update, standard deviation in voxels of the level.</summary>
    public double? FluidSigma { get; init; }
}
