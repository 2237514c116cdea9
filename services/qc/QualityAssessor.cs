using System.Diagnostics;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>Predicts the quality of a segmentation from its image, its labels and a reference set. A pure function; uses every core it is given.</summary>
public static class QualityAssessor
{
    /// <summary>There is nothing to judge by.</summary>
    public const string None = "none";

    private static readonly string CodeVersion = typeof(QualityAssessor)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>Assesses one segmentation.</summary>
    /// <param name="output">What was planned.</param>
    /// <param name="model">The model that made the labels.</param>
    /// <param name="image">What it read.</param>
    /// <param name="labels">What it wrote.</param>
    /// <param name="classifier">The reverse classifier the model asks for, of its reference set; null where there is none.</param>
    /// <param name="set">The reference set; null where there is none.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static SegmentationQuality Assess(
        PlannedOutput output,
        ModelManifest model,
        Volume<float> image,
        Volume<byte> labels,
        IReverseClassifier? classifier,
        ReferenceSet? set,
        CancellationToken cancellationToken
    )
    {
        var started = Stopwatch.GetTimestamp();
        var calibration = classifier is null ? null : set?.CalibrationFor(classifier);
        var judge = Prepare(image, classifier, set, cancellationToken);
        var scoring = Stopwatch.GetTimestamp();
        var scores = judge?.Score(labels, cancellationToken);
        var volumes = LabelMeasures.Millilitres(labels);
        StructureQuality[] structures =
        [
            .. model.Labels.Select(label =>
                Structure(
                    label,
                    volumes.GetValueOrDefault((byte)label.Value),
                    scores?.GetValueOrDefault((byte)label.Value),
                    calibration?.For((byte)label.Value),
                    model.Quality
                )
            ),
        ];
        Observe("score", scoring);
        return new SegmentationQuality
        {
            Series = output.Series,
            Model = output.Model,
            ReferenceSet = set?.Manifest.Id,
            Method = classifier is null
                ? None
                : $"rca-{classifier.Name}{(calibration is null ? "-uncalibrated" : "")}",
            References = judge?.References.Count ?? 0,
            ReferencesFailed = judge?.Failed ?? set?.Consulted ?? 0,
            Verdict = Worst(structures),
            Structures = structures,
            NotForDiagnosis = output.NotForDiagnosis,
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
            CodeVersion = CodeVersion,
        };
    }

    /// <summary>The worst verdict over the structures that could be assessed; <see cref="Verdict.Unassessed"/> where none could.</summary>
    internal static Verdict Worst(IEnumerable<StructureQuality> structures) =>
        structures.Select(structure => structure.Verdict).DefaultIfEmpty().Max();

    private static IReverseCase? Prepare(
        Volume<float> image,
        IReverseClassifier? classifier,
        ReferenceSet? set,
        CancellationToken cancellationToken
    )
    {
        if (classifier is null || set is null)
        {
            return null;
        }
        var registering = Stopwatch.GetTimestamp();
        try
        {
            var judge = classifier.Prepare(image, cancellationToken);
            QcMetrics.ReferencesFailed.WithLabels(set.Manifest.Id).Inc(judge.Failed);
            return judge;
        }
        catch (VolumeException)
        {
            // A constant, non-finite or tiny image can be held against nothing, now or later: every reference failed.
            return null;
        }
        finally
        {
            Observe("register", registering);
        }
    }

    private static StructureQuality Structure(
        ModelLabel label,
        double volumeMl,
        IReadOnlyList<double>? scores,
        StructureCalibration? calibration,
        QualitySettings? thresholds
    )
    {
        var quality = new StructureQuality
        {
            Label = label.Value,
            Name = label.Name,
            VolumeMl = volumeMl,
            Verdict = Verdict.Unassessed,
        };
        if (scores is null || thresholds is null)
        {
            return quality;
        }
        var (pass, review) = thresholds.For(label);
        var score = StructureScore.Of(scores);
        var predicted = calibration?.Map(score.TopThree) ?? score.TopThree;
        var (low, high) =
            calibration?.Interval(score)
            ?? (Math.Min(score.Low, predicted), Math.Max(score.High, predicted));
        return quality with
        {
            PredictedDice = predicted,
            IntervalLow = low,
            IntervalHigh = high,
            MaxDice = score.Max,
            Verdict =
                predicted >= pass ? Verdict.Pass
                : predicted >= review ? Verdict.Review
                : Verdict.Fail,
        };
    }

    private static void Observe(string step, long since) =>
        QcMetrics.Duration.WithLabels(step).Observe(Stopwatch.GetElapsedTime(since).TotalSeconds);
}
