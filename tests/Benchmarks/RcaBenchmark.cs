using System.Diagnostics;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>
/// Quality prediction on real scans (t1-brain of PLATFORM_DATA) by the installed reference set, which holds none of them: seconds a case, and
/// predicted against real Dice over each scan's own labels, degraded from nearly right to ruined. Those labels follow another protocol than the
/// references', so even a perfect map carries the difference. Without the data, Colin's brain is timed and nothing else. The hippocampi come
/// first: <see cref="RcaHippocampus"/>.
/// </summary>
static class RcaBenchmark
{
    const string Colin = "/usr/share/mricron/templates/ch2bet.nii.gz";

    /// <summary>MUSE values of the scans' labels by the references' value; the structures both protocols have.</summary>
    static readonly Dictionary<byte, byte[]> Muse = new()
    {
        [4] = [52],
        [43] = [51],
        [10] = [60],
        [49] = [59],
        [11] = [37],
        [50] = [36],
        [12] = [58],
        [51] = [57],
        [13] = [56],
        [52] = [55],
        [17] = [48],
        [53] = [47],
        [18] = [32],
        [54] = [31],
        [16] = [35],
        [8] = [38, 39, 40, 41, 71, 72, 73],
    };

    public static int Run(string? packages = null, int scans = 3)
    {
        packages ??= Path.Combine(BenchTable.RepositoryRoot(), "shared");
        var table = new BenchTable("rca");
        if (HippocampusData.Find() is { } hippocampi)
        {
            RcaHippocampus.Run(table, hippocampi);
        }
        else
        {
            Console.WriteLine(
                "PLATFORM_DATA has no hippocampus: the published pipeline is not measured"
            );
        }
        var loading = Stopwatch.GetTimestamp();
        var folder = Path.Combine(packages, "references", "brain-t1", "2");
        var set = ReferenceSet.FromFolderAsync(folder).GetAwaiter().GetResult();
        table.Add(
            $"load and prepare {set.References.Count} references (once a process)",
            Stopwatch.GetElapsedTime(loading).TotalSeconds,
            "s"
        );
        var data = Environment.GetEnvironmentVariable("PLATFORM_DATA");
        if (data is null || !Directory.Exists(Path.Combine(data, "t1-brain")))
        {
            Console.WriteLine("PLATFORM_DATA has no t1-brain: only Colin's brain is timed");
            Time(table, set, "Colin, 1 mm", Image(Colin));
            return table.Finish();
        }
        var samples = new List<CalibrationSample>();
        var regressor = RcaRegressor.Find(packages, set);
        for (var scan = 1; scan <= scans; scan++)
        {
            var image = Image(Path.Combine(data, "t1-brain", "t1", $"Subj{scan}_T1.nii.gz"));
            var labels = Labels(
                Path.Combine(data, "t1-brain", "labels", $"Subj{scan}_T1_DLMUSE.nii.gz")
            );
            var propagated = Time(table, set, $"scan {scan}, 2 mm", image);
            samples.AddRange(ReferenceSetBuilder.Sample(propagated, 100 + scan, labels));
            regressor?.Judge(100 + scan, image, labels, propagated);
            if (scan == 1)
            {
                RegistrationCost.Add(table, "whole brain", set, image);
                RcaBrain.Beside(table, folder, set, image, labels);
            }
        }
        Report(table, set, samples);
        regressor?.Report(table);
        return table.Finish();
    }

    static PropagatedReferences Time(
        BenchTable table,
        ReferenceSet set,
        string name,
        Volume<float> image
    )
    {
        using var process = Process.GetCurrentProcess();
        var (wall, cpu) = (Stopwatch.GetTimestamp(), process.TotalProcessorTime);
        var propagated = new SingleAtlasClassifier(set, Environment.ProcessorCount).Register(
            image,
            CancellationToken.None
        );
        process.Refresh();
        table.Add($"{name}: all references", Stopwatch.GetElapsedTime(wall).TotalSeconds, "s");
        table.Add(
            $"{name}: processor time a reference",
            (process.TotalProcessorTime - cpu).TotalSeconds / set.References.Count,
            "s"
        );
        table.Add($"{name}: references that failed", propagated.Failed, "");
        return propagated;
    }

    static void Report(BenchTable table, ReferenceSet set, List<CalibrationSample> samples)
    {
        var calibration = set.Calibration;
        table.Add("segmented structures", samples.Count, "");
        table.Add("share with real Dice ≥ 0.7", Share(samples, s => s.RealDice >= 0.7), "");
        Estimator("best reference (published)", s => s.Score.Max);
        Estimator("mean of the best fifth", s => s.Score.Best);
        if (calibration is not null)
        {
            Estimator("calibrated", s => calibration.For(s.Label).Map(s.Score.Best));
            table.Add(
                "interval covers",
                Share(
                    samples,
                    s =>
                    {
                        var (low, high) = calibration.For(s.Label).Interval(s.Score);
                        return s.RealDice >= low && s.RealDice <= high;
                    }
                ),
                ""
            );
        }
        table.Add(
            "real Dice ≥ 0.9: mean of the best fifth",
            Mean(samples, s => s.RealDice >= 0.9),
            "Dice"
        );
        table.Add(
            "real Dice < 0.3: mean of the best fifth",
            Mean(samples, s => s.RealDice < 0.3),
            "Dice"
        );

        void Estimator(string name, Func<CalibrationSample, double> predict)
        {
            table.Add(
                $"{name}: r",
                StructureCalibration.Pearson([.. samples.Select(s => (predict(s), s.RealDice))]),
                ""
            );
            table.Add(
                $"{name}: MAE",
                samples.Average(s => Math.Abs(predict(s) - s.RealDice)),
                "Dice"
            );
            table.Add(
                $"{name}: accuracy at 0.7",
                Share(samples, s => predict(s) >= 0.7 == s.RealDice >= 0.7),
                ""
            );
        }
    }

    static double Share(List<CalibrationSample> samples, Func<CalibrationSample, bool> of) =>
        samples.Average(s => of(s) ? 1.0 : 0);

    static double Mean(List<CalibrationSample> samples, Func<CalibrationSample, bool> where) =>
        samples.Where(where).Average(s => s.Score.Best);

    static Volume<float> Image(string path)
    {
        using var stream = File.OpenRead(path);
        return Orienter.ToOrientation(NiftiReader.ReadImage(stream), "RAS");
    }

    static Volume<byte> Labels(string path)
    {
        using var stream = File.OpenRead(path);
        var labels = Orienter.ToOrientation(NiftiReader.ReadLabels(stream), "RAS");
        var values = new byte[256];
        foreach (var (value, muse) in Muse)
        {
            foreach (var one in muse)
            {
                values[one] = value;
            }
        }
        return new Volume<byte>(labels.Geometry, [.. labels.Voxels.Select(v => values[v])]);
    }
}
