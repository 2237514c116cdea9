using System.Diagnostics;
using Platform.Imaging;
using Platform.Inference;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>
/// The quality regressor of the brain model beside its references, on real scans: both judge what the model makes of the scan and that made worse, and
/// the scan's own labels say what is right.
/// </summary>
sealed class RcaRegressor(Segmenter segmenter, QualityRegressor regressor, Calibration calibration)
{
    const string Judged = "brain-structures";

    static readonly double[] Severities = [0, 0.1, 0.22, 0.34, 0.46, 0.58, 0.7, 0.85];

    readonly List<(double Regressed, double Calibrated, double Real)> _judged = [];
    readonly List<double> _milliseconds = [];

    /// <summary>Null where the model names no regressor, or the set was never evaluated.</summary>
    /// <param name="packages">The folder that holds models/.</param>
    /// <param name="set">The model's references.</param>
    public static RcaRegressor? Find(string packages, ReferenceSet set)
    {
        var models = ModelRepository.InFolder(packages);
        var judged = Load(Judged);
        return
            judged.Manifest.Quality?.Regressor is { } regressor
            && set.Calibration is { } calibration
            ? new(new(judged), new(Load(regressor)), calibration)
            : null;

        OnnxModel Load(string id) => new(models.LoadAsync(id, default).GetAwaiter().GetResult());
    }

    /// <summary>Judges one scan.</summary>
    /// <param name="number">Draws the errors.</param>
    /// <param name="image">The scan.</param>
    /// <param name="truth">Its labels, with the model's values; structures these lack are not judged.</param>
    /// <param name="references">The scan's.</param>
    public void Judge(
        int number,
        Volume<float> image,
        Volume<byte> truth,
        PropagatedReferences references
    )
    {
        var found = segmenter.Run(image).Volume;
        for (var n = 0; n < Severities.Length; n++)
        {
            var labels = SegmentationDegrader.Degrade(found, Severities[n], 1000 * number + n);
            var real = LabelMeasures
                .Overlaps(truth, Resampler.Nearest(labels, truth.Geometry))
                .Where(overlap => overlap.First > 0)
                .ToDictionary(overlap => overlap.Label, overlap => overlap.Dice);
            var started = Stopwatch.GetTimestamp();
            var regressed = regressor.Predict(image, labels);
            _milliseconds.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            var scores = ReferenceComparisons.Of(references, labels).Scores();
            foreach (var (label, dice) in regressed)
            {
                if (real.TryGetValue(label, out var known) && scores.TryGetValue(label, out var of))
                {
                    var score = StructureScore.Of(of).Best;
                    _judged.Add((dice, calibration.For(label).Map(score), known));
                }
            }
        }
    }

    /// <summary>Adds the rows.</summary>
    public void Report(BenchTable table)
    {
        const string references = "calibrated references";
        table.Add("regressor: structures of the model's segmentations", _judged.Count, "");
        table.Add("regressor: share with real Dice ≥ 0.7", _judged.Average(j => Good(j.Real)), "");
        table.Add(
            "regressor: a segmentation, median",
            _milliseconds.Order().ElementAt(_milliseconds.Count / 2),
            "ms"
        );
        Add("r", "", of => StructureCalibration.Pearson([.. _judged.Select(j => (of(j), j.Real))]));
        Add("MAE", "Dice", of => _judged.Average(j => Math.Abs(of(j) - j.Real)));
        Add(
            "accuracy at 0.7",
            "",
            of => _judged.Average(j => Good(of(j)) == Good(j.Real) ? 1.0 : 0)
        );

        void Add(
            string what,
            string unit,
            Func<Func<(double Regressed, double Calibrated, double Real), double>, double> measure
        ) =>
            table.Add(
                $"regressor: {what}",
                measure(j => j.Regressed),
                unit,
                measure(j => j.Calibrated),
                references
            );

        static double Good(double dice) => dice >= 0.7 ? 1 : 0;
    }
}
