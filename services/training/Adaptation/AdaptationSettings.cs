namespace Platform.Training.Adaptation;

/// <summary>How a segmenter is taken from a labelled source to an unlabelled target (Kamnitsas et al., IPMI 2017).</summary>
public sealed record AdaptationSettings
{
    /// <summary>Fraction of the steps that the segmenter learns alone.</summary>
    public double AloneUntil { get; init; } = 0.3;

    /// <summary>Fraction of the steps from which the adversary has its full weight; it grows linearly up to there.</summary>
    public double FullFrom { get; init; } = 0.6;

    /// <summary>α: the adversary's full weight in what the segmenter learns.</summary>
    public required double Weight { get; init; }

    /// <summary>Target studies below which the adversary would learn persons instead of a scanner.</summary>
    public int LeastStudies { get; init; } = 3;

    /// <summary>The adversary is at chance up to this balanced accuracy; 0.5 is guessing.</summary>
    public double ChanceAccuracy { get; init; } = 0.6;

    /// <summary>Mean Dice on held-out source heads that adaptation may cost where training stops early.</summary>
    public double TolerableLoss { get; init; } = 0.02;

    /// <summary>α at a step: 0, then growing linearly, then <see cref="Weight"/>.</summary>
    /// <param name="step">Steps learned before.</param>
    /// <param name="steps">Steps in all.</param>
    public double WeightAt(int step, int steps) =>
        Weight
        * Math.Clamp(
            ((double)step / steps - AloneUntil) / Math.Max(1e-9, FullFrom - AloneUntil),
            0,
            1
        );

    /// <summary>Whether nothing is left to gain: the adversary cannot tell the domains apart, and the source is segmented as before.</summary>
    /// <param name="now">What is measured now.</param>
    /// <param name="before">What was measured before the adversary began.</param>
    /// <remarks>
    /// The error on the target is bounded by the error on the source and the divergence of the domains as a classifier of domains sees it
    /// (Ben-David et al. 2010): both are measured without a target label, and both are small here.
    /// </remarks>
    public bool IsEnough(AdaptationMeasures now, AdaptationMeasures before) =>
        now.AdversaryAccuracy <= ChanceAccuracy
        && now.SourceDice >= before.SourceDice - TolerableLoss;
}

/// <summary>What can be measured without a label of the target.</summary>
/// <param name="SourceDice">Mean Dice on held-out source heads.</param>
/// <param name="AdversaryAccuracy">Balanced accuracy of the adversary on held-out source heads and the target scans; 0.5 is chance. NaN before it has learned.</param>
/// <param name="TargetEntropy">Mean entropy of the predictions in target scans, nats.</param>
/// <param name="VolumeAgreement">Mean over structures of the smaller over the larger of the mean volume found in the target and the mean true volume in held-out source heads.</param>
public sealed record AdaptationMeasures(
    double SourceDice,
    double AdversaryAccuracy,
    double TargetEntropy,
    double VolumeAgreement
);
