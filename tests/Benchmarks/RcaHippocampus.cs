using System.Diagnostics;
using Platform.Imaging;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>
/// Quality prediction as it was published: 100 expert-labelled references, test cases that are none of them, segmentations of every quality;
/// beside it, on the same pairs, the published pipeline rebuilt with elastix. The calibration is fitted on references left out ten at a time.
/// </summary>
static class RcaHippocampus
{
    /// <summary>Stands for both parts together.</summary>
    const byte Whole = 255;

    const int Folds = 4,
        FoldSize = 10,
        PeerTests = 4,
        PeerReferences = 12;

    static readonly (byte Label, string Name)[] Structures =
    [
        (1, "anterior"),
        (2, "posterior"),
        (Whole, "whole"),
    ];

    public static void Run(BenchTable table, HippocampusData data)
    {
        Console.WriteLine("hippocampus: training networks on references that are never left out …");
        var networks = HippocampusNetwork.Train([.. data.References.Skip(Folds * FoldSize)]);
        Console.WriteLine("hippocampus: calibrating on left-out references …");
        var calibration = Calibrate(data.References, networks);
        Console.WriteLine("hippocampus: judging the test cases …");
        var set = HippocampusData.Set(data.References);
        var classifier = new SingleAtlasClassifier(set, Environment.ProcessorCount);
        var segmentations = new HippocampusSegmentations(data.Tests, networks);
        classifier.Register(data.References[0].Image, CancellationToken.None);
        var judged = new List<Judged>();
        var (seconds, processor) = (new List<double>(), new List<double>());
        var (least, failed) = (double.PositiveInfinity, 0);
        for (var test = 0; test < data.Tests.Count; test++)
        {
            var wanted = segmentations.Of(test, 500 + test);
            var (wall, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            var propagated = classifier.Register(data.Tests[test].Image, CancellationToken.None);
            ReferenceComparisons.Of(propagated, wanted[0].Labels);
            seconds.Add(Stopwatch.GetElapsedTime(wall).TotalSeconds);
            processor.Add((Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
            least = Math.Min(least, propagated.LeastJacobian);
            failed += propagated.Failed;
            judged.AddRange(Judge(test, data.Tests[test].Labels, wanted, propagated));
        }
        table.Add("hippocampus: references", set.References.Count, "");
        table.Add("hippocampus: test cases", data.Tests.Count, "");
        table.Add("hippocampus: cases the calibration is of", calibration.References, "");
        table.Add("hippocampus: seconds a case, median", Median(seconds), "s");
        table.Add("hippocampus: processor seconds a case, median", Median(processor), "s");
        table.Add("hippocampus: references that failed", failed, "");
        table.Add("hippocampus: least Jacobian", least, "");
        foreach (var (label, name) in Structures)
        {
            Report(
                table,
                $"hippocampus, {name}",
                [.. judged.Where(j => j.Label == label)],
                calibration
            );
        }
        RegistrationCost.Add(table, "hippocampus", set, data.Tests[0].Image);
        Sources(table, [.. judged.Where(j => j.Label == Whole)], calibration);
        Beside(table, data, segmentations);
    }

    /// <summary>Ten references at a time are test cases, and one another's atlases; the other ninety judge.</summary>
    static Calibration Calibrate(
        IReadOnlyList<LabelledScan> references,
        IReadOnlyList<HippocampusNetwork> networks
    )
    {
        var samples = new List<CalibrationSample>();
        for (var fold = 0; fold < Folds; fold++)
        {
            var first = fold * FoldSize;
            LabelledScan[] held = [.. references.Skip(first).Take(FoldSize)];
            var others = references.Where(reference => !held.Contains(reference));
            var classifier = new SingleAtlasClassifier(
                HippocampusData.Set(others),
                Environment.ProcessorCount
            );
            var segmentations = new HippocampusSegmentations(held, networks);
            for (var n = 0; n < held.Length; n++)
            {
                var propagated = classifier.Register(held[n].Image, CancellationToken.None);
                samples.AddRange(
                    Judge(first + n, held[n].Labels, segmentations.Of(n, first + n), propagated)
                        .Select(j => new CalibrationSample(j.Case, j.Label, j.Score, j.Real))
                );
            }
        }
        return Calibration.Fit(samples);
    }

    static IEnumerable<Judged> Judge(
        int number,
        Volume<byte> truth,
        IReadOnlyList<Segmentation> segmentations,
        PropagatedReferences propagated
    )
    {
        var whole = propagated with { Labels = [.. propagated.Labels.Select(Together)] };
        foreach (var (source, labels) in segmentations)
        {
            var parts = ReferenceComparisons.Of(propagated, labels);
            var both = ReferenceComparisons.Of(whole, Together(labels));
            foreach (var (label, _) in Structures)
            {
                var (known, predicted, heard) =
                    label == Whole
                        ? (Together(truth), Together(labels), both)
                        : (truth, labels, parts);
                yield return new(
                    number,
                    source,
                    label,
                    StructureScore.Of(heard.Scores()[label]),
                    Dice(known, predicted, label)
                )
                {
                    Predicted = heard.Distances().GetValueOrDefault(label),
                    Surfaces = SurfaceDistances.Between(known, predicted, label),
                };
            }
        }
    }

    static void Report(BenchTable table, string name, List<Judged> judged, Calibration calibration)
    {
        table.Add($"{name}: segmentations", judged.Count, "");
        table.Add($"{name}: share with real Dice ≥ 0.7", Share(judged, j => j.Real >= 0.7), "");
        Estimator(table, $"{name}, max (published)", judged, j => j.Score.Max);
        Estimator(table, $"{name}, mean of the best fifth", judged, j => j.Score.Best);
        Estimator(table, $"{name}, calibrated", judged, j => Calibrated(calibration, j));
        Distance("mean surface distance", d => d.Mean, d => d.Average);
        Distance("95th percentile (Hausdorff)", d => d.Hausdorff95, d => d.Hausdorff95);
        table.Add(
            $"{name}: interval covers",
            Share(
                judged,
                j =>
                {
                    var (low, high) = calibration.For(j.Label).Interval(j.Score);
                    return j.Real >= low && j.Real <= high;
                }
            ),
            ""
        );

        // The published estimator, without calibration: the least over references.
        void Distance(
            string what,
            Func<LeastDistances, double> predicted,
            Func<SurfaceDistances, double> real
        )
        {
            (double X, double Y)[] pairs =
            [
                .. judged
                    .Where(j => j is { Predicted: not null, Surfaces: not null })
                    .Select(j => (predicted(j.Predicted!), real(j.Surfaces!.Value))),
            ];
            table.Add($"{name}, {what}: r", StructureCalibration.Pearson(pairs), "");
            table.Add($"{name}, {what}: MAE", pairs.Average(p => Math.Abs(p.X - p.Y)), "mm");
        }
    }

    static void Sources(BenchTable table, List<Judged> judged, Calibration calibration)
    {
        foreach (var source in judged.GroupBy(j => j.Source))
        {
            var name = $"hippocampus, whole, {source.Key}";
            table.Add($"{name}: mean real Dice", source.Average(j => j.Real), "Dice");
            table.Add(
                $"{name}: calibrated MAE",
                source.Average(j => Math.Abs(Calibrated(calibration, j) - j.Real)),
                "Dice"
            );
        }
    }

    /// <summary>The published pipeline and this one on the same test cases, references and segmentations, both by max.</summary>
    static void Beside(
        BenchTable table,
        HippocampusData data,
        HippocampusSegmentations segmentations
    )
    {
        if (RcaElastix.Version() is not { } peer)
        {
            Console.WriteLine(
                "elastix and transformix are not installed (apt package elastix): the published pipeline is not measured"
            );
            return;
        }
        LabelledScan[] references = [.. data.References.Take(PeerReferences)];
        LabelledScan[] tests = [.. data.Tests.Take(PeerTests)];
        var set = HippocampusData.Set(references);
        var classifier = new SingleAtlasClassifier(set, Environment.ProcessorCount);
        Console.WriteLine($"hippocampus: the same pairs by {peer} …");
        var started = Stopwatch.GetTimestamp();
        PropagatedReferences[] ours =
        [
            .. tests.Select(test => classifier.Register(test.Image, CancellationToken.None)),
        ];
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var (labels, peerSeconds) = RcaElastix.Propagate(tests, references);
        var (mine, theirs) = (new List<Judged>(), new List<Judged>());
        var (overlap, peerOverlap) = (new List<double>(), new List<double>());
        for (var n = 0; n < tests.Length; n++)
        {
            var truth = tests[n].Labels;
            var published = new PropagatedReferences(truth.Geometry, labels[n], 0)
            {
                References = set.References,
            };
            var wanted = segmentations.Of(n, 500 + n);
            mine.AddRange(Judge(n, truth, wanted, ours[n]));
            theirs.AddRange(Judge(n, truth, wanted, published));
            overlap.AddRange(Overlap(ours[n], truth));
            peerOverlap.AddRange(Overlap(published, truth));
        }
        var pairs = tests.Length * references.Length;
        table.Add("same pairs: test cases", tests.Length, "");
        table.Add("same pairs: references", references.Length, "");
        table.Add(
            "same pairs: wall a reference, every core",
            1000 * seconds / pairs,
            "ms",
            1000 * peerSeconds / pairs,
            peer
        );
        table.Add(
            "same pairs: overlap of the warped whole",
            overlap.Average(),
            "Dice",
            peerOverlap.Average(),
            peer
        );
        foreach (var (label, name) in Structures)
        {
            List<Judged> a = [.. mine.Where(j => j.Label == label)];
            List<Judged> b = [.. theirs.Where(j => j.Label == label)];
            Compare("r", "", list => Correlation(list, j => j.Score.Max));
            Compare("MAE", "Dice", list => Error(list, j => j.Score.Max));
            Compare("accuracy at 0.7", "", list => Accuracy(list, j => j.Score.Max));

            void Compare(string what, string unit, Func<List<Judged>, double> of) =>
                table.Add($"same pairs, {name}, max: {what}", of(a), unit, of(b), peer);
        }
    }

    static IEnumerable<double> Overlap(PropagatedReferences propagated, Volume<byte> truth) =>
        propagated.Labels.Select(known => Dice(Together(known), Together(truth), Whole));

    static void Estimator(
        BenchTable table,
        string name,
        List<Judged> judged,
        Func<Judged, double> predict
    )
    {
        table.Add($"{name}: r", Correlation(judged, predict), "");
        table.Add($"{name}: MAE", Error(judged, predict), "Dice");
        table.Add($"{name}: accuracy at 0.7", Accuracy(judged, predict), "");
    }

    static double Correlation(List<Judged> judged, Func<Judged, double> predict) =>
        StructureCalibration.Pearson([.. judged.Select(j => (predict(j), j.Real))]);

    static double Error(List<Judged> judged, Func<Judged, double> predict) =>
        judged.Average(j => Math.Abs(predict(j) - j.Real));

    static double Accuracy(List<Judged> judged, Func<Judged, double> predict) =>
        Share(judged, j => predict(j) >= 0.7 == j.Real >= 0.7);

    static double Calibrated(Calibration calibration, Judged judged) =>
        calibration.For(judged.Label).Map(judged.Score.Best);

    static double Share(List<Judged> judged, Func<Judged, bool> of) =>
        judged.Average(j => of(j) ? 1.0 : 0);

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    static double Dice(Volume<byte> a, Volume<byte> b, byte label) =>
        LabelMeasures.Overlaps(a, b).FirstOrDefault(overlap => overlap.Label == label) is { } found
            ? found.Dice
            : 0;

    static Volume<byte> Together(Volume<byte> labels) =>
        new(labels.Geometry, [.. labels.Voxels.Select(v => v == 0 ? (byte)0 : Whole)]);

    /// <summary>What the references say of one structure of one segmentation, and what the expert does.</summary>
    sealed record Judged(int Case, string Source, byte Label, StructureScore Score, double Real)
    {
        /// <summary>Null where there is no surface to measure.</summary>
        public LeastDistances? Predicted { get; init; }

        /// <summary>The real ones; null likewise.</summary>
        public SurfaceDistances? Surfaces { get; init; }
    }
}
