namespace Platform.Contracts;

/// <summary>quality.json, written by qc: the predicted quality of one segmentation, without ground truth.</summary>
public sealed record SegmentationQuality
{
    /// <summary>The series that was segmented.</summary>
    public required string Series { get; init; }

    /// <summary>The segmentation model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>The reference set as name@version; null where the model has none.</summary>
    public string? ReferenceSet { get; init; }

    /// <summary>
    /// How the quality was predicted: "rca-" and the reverse classifier the model asks for, "single-atlas", "atlas-forest" or "constrained-cnn",
    /// with "-uncalibrated" where the set was not evaluated with it; "regression" where there are no references but a network that predicts the Dice;
    /// "agreement" where there is but how well runs on altered images agree; "none" where there is nothing to judge by.
    /// </summary>
    public required string Method { get; init; }

    /// <summary>References that took part.</summary>
    public required int References { get; init; }

    /// <summary>References that failed to register and were left out.</summary>
    public int ReferencesFailed { get; init; }

    /// <summary>The worst verdict over the structures.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>One entry a label of the model, in the manifest's order.</summary>
    public required IReadOnlyList<StructureQuality> Structures { get; init; }

    /// <summary>True where the labels derive from a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }

    /// <summary>Seconds qc took; where the references were split over replicas, of all of them together.</summary>
    public double Seconds { get; init; }

    /// <summary>The platform's version.</summary>
    public string CodeVersion { get; init; } = "";
}

/// <summary>Volume and predicted quality of one structure.</summary>
public sealed record StructureQuality
{
    /// <summary>The value in the label map.</summary>
    public required int Label { get; init; }

    /// <summary>The structure's name from the model's manifest.</summary>
    public required string Name { get; init; }

    /// <summary>The structure's SNOMED CT concept, where the model's manifest has one.</summary>
    public StructureConcept? Snomed { get; init; }

    /// <summary>"left" or "right" for a structure that is told apart; null otherwise.</summary>
    public string? Side { get; init; }

    /// <summary>Volume in millilitres.</summary>
    public required double VolumeMl { get; init; }

    /// <summary>
    /// The prediction the verdict rests on, by <see cref="SegmentationQuality.Method"/>: the mean Dice of the best fifth of the references, at least three, calibrated; else
    /// <see cref="RegressedDice"/>; else <see cref="Agreement"/>. Null where the structure could not be assessed.
    /// </summary>
    public double? PredictedDice { get; init; }

    /// <summary>Lower end of the prediction interval.</summary>
    public double? IntervalLow { get; init; }

    /// <summary>Upper end of the prediction interval.</summary>
    public double? IntervalHigh { get; init; }

    /// <summary>The published estimator (Valindria 2017): the best reference's Dice.</summary>
    public double? MaxDice { get; init; }

    /// <summary>What the model's quality regressor predicts; null without one, or where the labels lack the structure.</summary>
    public double? RegressedDice { get; init; }

    /// <summary>Mean pairwise Dice of the network's answers on altered images; null where the model does not ask for it.</summary>
    public double? Agreement { get; init; }

    /// <summary>
    /// Predicted mean surface distance, mm (Robinson 2019: the least over references). Null where the structure could not be assessed, or where
    /// there is no surface to measure.
    /// </summary>
    public double? PredictedMeanSurfaceDistanceMm { get; init; }

    /// <summary>Predicted Hausdorff distance, mm, the 95th percentile instead of the maximum; null as the mean.</summary>
    public double? PredictedHausdorff95Mm { get; init; }

    /// <summary>Of a time series, the frame that all of this describes, from 1: the one with the worst verdict, among equals with the lowest prediction. Else null.</summary>
    public int? Frame { get; init; }

    /// <summary>Of a time series, every frame in order; else null.</summary>
    public IReadOnlyList<FrameQuality>? Frames { get; init; }

    /// <summary>From the model's thresholds; <see cref="Verdict.Review"/> instead of <see cref="Verdict.Pass"/> where the interval says nothing.</summary>
    public required Verdict Verdict { get; init; }
}

/// <summary>One structure in one frame of a time series.</summary>
/// <param name="TimeMs">When the frame was taken, ms; null where that is not known.</param>
/// <param name="VolumeMl">Volume in millilitres.</param>
/// <param name="PredictedDice">As <see cref="StructureQuality.PredictedDice"/>; null in a frame that was measured only.</param>
/// <param name="IntervalLow">Lower end of the prediction interval.</param>
/// <param name="IntervalHigh">Upper end of the prediction interval.</param>
/// <param name="Verdict">From the model's thresholds.</param>
public sealed record FrameQuality(
    double? TimeMs,
    double VolumeMl,
    double? PredictedDice,
    double? IntervalLow,
    double? IntervalHigh,
    Verdict Verdict
);

/// <summary>A SNOMED CT concept.</summary>
/// <param name="Code">The concept's number.</param>
/// <param name="Meaning">For people.</param>
public sealed record StructureConcept(string Code, string Meaning);
