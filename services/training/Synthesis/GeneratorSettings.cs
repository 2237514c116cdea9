namespace Platform.Training.Synthesis;

/// <summary>Ranges of the generator; each sample draws anew. Defaults follow SynthSeg's order, narrower where the data are adult heads.</summary>
public sealed record GeneratorSettings
{
    /// <summary>Voxel edge of the output grid, mm.</summary>
    public required double SpacingMm { get; init; }

    /// <summary>Voxels of the output grid along R, A, S.</summary>
    public required IReadOnlyList<int> Shape { get; init; }

    /// <summary>Up to this many voxels are left away at the lower end (necks are scanned or not).</summary>
    public int CropBelow { get; init; }

    /// <summary>The box lies around the brain's centre instead of reaching from 12 mm above the head down.</summary>
    public bool BrainCentred { get; init; }

    /// <summary>Distance of the nodes of each tissue's own variation, mm; 0 varies voxel by voxel, as noise.</summary>
    public double GrainMm { get; init; }

    /// <summary>Scale 1 ± this, along each axis.</summary>
    public double Scale { get; init; } = 0.15;

    /// <summary>Rotation ± this, about each axis, degrees.</summary>
    public double RotationDegrees { get; init; } = 12;

    /// <summary>Shear ± this.</summary>
    public double Shear { get; init; } = 0.012;

    /// <summary>Shift ± this along each axis, mm.</summary>
    public double ShiftMm { get; init; } = 8;

    /// <summary>Largest standard deviation of the elastic displacement at its nodes, mm.</summary>
    public double ElasticMm { get; init; } = 3.5;

    /// <summary>Distance of the elastic nodes, mm.</summary>
    public double ElasticNodeMm { get; init; } = 30;

    /// <summary>Mirrors half of the samples; off where the target tells left from right.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>Fraction of samples with T1-like contrast; the others have random contrast. Where there are <see cref="Channels"/>, they say instead.</summary>
    public double T1Fraction { get; init; } = 0.7;

    /// <summary>Fraction of samples with FLAIR-like contrast, beside those that are T1-like.</summary>
    public double FlairFraction { get; init; }

    /// <summary>Seed of the one contrast that every sample has, as of one scanner and sequence; null draws one for each sample.</summary>
    public long? ContrastSeed { get; init; }

    /// <summary>Images of one head on one grid; none is a single channel, T1.</summary>
    public IReadOnlyList<ChannelSettings> Channels { get; init; } = [];

    /// <summary>Fraction of samples without extra-cerebral tissue.</summary>
    public double StrippedFraction { get; init; } = 0.3;

    /// <summary>Fraction of samples that keep extra-cerebral tissue in patches, as imperfect stripping does.</summary>
    public double PartlyStrippedFraction { get; init; } = 0.1;

    /// <summary>Largest standard deviation of the logarithm of the bias field at its nodes.</summary>
    public double Bias { get; init; } = 0.3;

    /// <summary>Standard deviation of the logarithm of gamma.</summary>
    public double Gamma { get; init; } = 0.2;

    /// <summary>Largest standard deviation of the noise, relative to white matter at 1.</summary>
    public double Noise { get; init; } = 0.08;

    /// <summary>Fraction of samples with thick slices along one axis.</summary>
    public double ThickFraction { get; init; } = 0.25;

    /// <summary>Fraction of samples with a coarser isotropic resolution.</summary>
    public double CoarseFraction { get; init; } = 0.15;

    /// <summary>Largest slice thickness, mm.</summary>
    public double ThickestMm { get; init; } = 6.5;

    /// <summary>Largest isotropic spacing, mm.</summary>
    public double CoarsestMm { get; init; } = 3.5;
}

/// <summary>One image of a head.</summary>
public sealed record ChannelSettings
{
    /// <summary>For example "FLAIR".</summary>
    public required string Name { get; init; }

    /// <summary>What it is weighted by.</summary>
    public required Contrast Contrast { get; init; }

    /// <summary>Fraction of samples with that contrast; the others have random contrast.</summary>
    public double Fraction { get; init; } = 1;

    /// <summary>Fraction of training samples without it: above 0 the channel is optional.</summary>
    public double MissingFraction { get; init; }
}
