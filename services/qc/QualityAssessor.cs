using System.Diagnostics;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// Predicts the quality of a segmentation from its image, its labels and a reference set, in two pure functions: <see cref="Compare"/> hears
/// the references, all at once or part by part, and <see cref="Judge"/> decides.
/// </summary>
public static class QualityAssessor
{
    /// <summary>There is nothing to judge by.</summary>
    public const string None = "none";

    private static readonly string CodeVersion = typeof(QualityAssessor)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>Collects what references say of one segmentation. Uses every core it is given.</summary>
    /// <param name="image">What the model read.</param>
    /// <param name="labels">What it wrote.</param>
    /// <param name="classifier">The reverse classifier the model asks for, of its reference set.</param>
    /// <param name="part">Which of the references.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static ReferenceComparisons Compare(
        Volume<float> image,
        Volume<byte> labels,
        IReverseClassifier classifier,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        var started = Stopwatch.GetTimestamp();
        var judge = Prepare(image, classifier, part, cancellationToken);
        var comparisons = judge is null
            ? new() { References = [], Failed = part.CountOf(classifier.Set.Consulted) }
            : ReferenceComparisons.Of(judge, labels, cancellationToken);
        return comparisons with { Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds };
    }

    /// <summary>Makes the verdict of what the references said.</summary>
    /// <param name="output">What was planned.</param>
    /// <param name="model">The model that made the labels.</param>
    /// <param name="labels">What it wrote.</param>
    /// <param name="classifier">The reverse classifier the model asks for, of its reference set; null where there is none.</param>
    /// <param name="comparisons">What all its references said; null where there is none.</param>
    /// <param name="direct">What is said without references.</param>
    public static SegmentationQuality Judge(
        PlannedOutput output,
        ModelManifest model,
        Volume<byte> labels,
        IReverseClassifier? classifier,
        ReferenceComparisons? comparisons,
        DirectEstimates direct
    )
    {
        var started = Stopwatch.GetTimestamp();
        var calibration = classifier?.Set.CalibrationFor(classifier);
        var (scores, distances) = (comparisons?.Scores(), comparisons?.Distances());
        var volumes = LabelMeasures.Millilitres(labels);
        StructureQuality[] structures =
        [
            .. model.Labels.Select(label =>
                Structure(
                    label,
                    volumes.GetValueOrDefault((byte)label.Value),
                    scores?.GetValueOrDefault((byte)label.Value),
                    distances?.GetValueOrDefault((byte)label.Value),
                    calibration?.For((byte)label.Value),
                    classifier is null ? direct.Of((byte)label.Value) : null,
                    model.Quality
                ) with
                {
                    RegressedDice =
                        direct.Regressed?.TryGetValue((byte)label.Value, out var dice) == true
                            ? dice
                            : null,
                    Agreement =
                        direct.Agreement?.TryGetValue(label.Value, out var agreed) == true
                            ? agreed
                            : null,
                }
            ),
        ];
        QcMetrics.Observe("judge", started);
        return new SegmentationQuality
        {
            Series = output.Series,
            Model = output.Model,
            ReferenceSet = classifier?.Set.Manifest.Id,
            Method = classifier is null
                ? direct.Method
                : $"rca-{classifier.Name}{(calibration is null ? "-uncalibrated" : "")}",
            References = comparisons?.References.Count ?? 0,
            ReferencesFailed = comparisons?.Failed ?? 0,
            Verdict = Worst(structures),
            Structures = structures,
            NotForDiagnosis = output.NotForDiagnosis,
            Seconds = (comparisons?.Seconds ?? 0) + Stopwatch.GetElapsedTime(started).TotalSeconds,
            CodeVersion = CodeVersion,
        };
    }

    /// <summary>The worst verdict over the structures that could be assessed; <see cref="Verdict.Unassessed"/> where none could.</summary>
    internal static Verdict Worst(IEnumerable<StructureQuality> structures) =>
        structures.Select(structure => structure.Verdict).DefaultIfEmpty().Max();

    private static IReverseCase? Prepare(
        Volume<float> image,
        IReverseClassifier classifier,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        var registering = Stopwatch.GetTimestamp();
        try
        {
            var judge = classifier.Prepare(image, part, cancellationToken);
            QcMetrics.ReferencesFailed.WithLabels(classifier.Set.Manifest.Id).Inc(judge.Failed);
            return judge;
        }
        catch (VolumeException)
        {
            // A constant, non-finite or tiny image can be held against nothing, now or later: every reference failed.
            return null;
        }
        finally
        {
            QcMetrics.Observe("register", registering);
        }
    }

    private static StructureQuality Structure(
        ModelLabel label,
        double volumeMl,
        IReadOnlyList<double>? scores,
        LeastDistances? distances,
        StructureCalibration? calibration,
        (double Dice, double? Low, double? High)? direct,
        QualitySettings? thresholds
    )
    {
        var quality = new StructureQuality
        {
            Label = label.Value,
            Name = label.Name,
            Snomed = label.Snomed is { } concept ? new(concept.Code, concept.Meaning) : null,
            Side = label.Side,
            VolumeMl = volumeMl,
            Verdict = Verdict.Unassessed,
        };
        if (thresholds is null)
        {
            return quality;
        }
        var (pass, review) = thresholds.For(label);
        if (direct is var (dice, least, most))
        {
            return quality with
            {
                PredictedDice = dice,
                IntervalLow = least,
                IntervalHigh = most,
                Verdict = Of(dice, least),
            };
        }
        if (scores is null)
        {
            return quality;
        }
        var score = StructureScore.Of(scores);
        var predicted = calibration?.Map(score.Best) ?? score.Best;
        var (low, high) =
            calibration?.Interval(score)
            ?? (Math.Min(score.Low, predicted), Math.Max(score.High, predicted));
        return quality with
        {
            PredictedDice = predicted,
            IntervalLow = low,
            IntervalHigh = high,
            MaxDice = score.Max,
            PredictedMeanSurfaceDistanceMm = distances?.Mean,
            PredictedHausdorff95Mm = distances?.Hausdorff95,
            Verdict = Of(predicted, low),
        };

        // An interval that reaches below half of what is asked for a review allows anything: of references, they contradict each other.
        Verdict Of(double predictedDice, double? lowest) =>
            predictedDice >= pass && !(lowest < review / 2) ? Verdict.Pass
            : predictedDice >= review ? Verdict.Review
            : Verdict.Fail;
    }
}
