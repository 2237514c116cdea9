using System.Globalization;
using System.Text;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// The lesion model on real FLAIR scans: the 12 of PLATFORM_DATA/t1-brain against their (automatic) white-matter lesion masks, and
/// PLATFORM_DATA/ms-lesions/patient07 against three raters' consensus, without its T1 and with it. None took part in training.
/// </summary>
internal static class AccuracyLesions
{
    private const double RequiredDice = 0.55,
        RequiredCorrelation = 0.85;

    /// <summary>Measures the lesion model of a folder of packages by itself, installed or a candidate.</summary>
    /// <param name="packages">The folder that holds models/.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(string packages)
    {
        if (AccuracyBenchmark.DataFolder() is not { } data)
        {
            return 2;
        }
        var table = new BenchTable("lesions");
        var reached = Measure(ModelRepository.InFolder(packages), packages, data, table);
        return reached is null ? 2
            : table.Finish() is not 0 and var failed ? failed
            : reached.Value ? 0
            : 1;
    }

    /// <summary>Whether the model reaches what is required; null where none is installed.</summary>
    public static bool? Measure(
        ModelRepository models,
        string packages,
        string data,
        BenchTable table
    )
    {
        var manifest = models
            .ListAsync(default)
            .GetAwaiter()
            .GetResult()
            .LastOrDefault(m =>
                m.Task == ModelTask.Segmentation && m.Input.Channels is ["FLAIR", ..]
            );
        if (manifest is null)
        {
            Console.Error.WriteLine("bench: no lesion model (first channel FLAIR) is installed");
            return null;
        }
        using var model = new OnnxModel(
            models.LoadAsync(manifest.Id, default).GetAwaiter().GetResult()
        );
        var elderly = Elderly(data).Select(scan => Score.Of(model, scan)).ToList();
        var patient = Patient(data).Select(scan => Score.Of(model, scan)).ToList();
        // Of the patient the run without T1: the others have none on their grid.
        List<Score> all = [.. elderly, patient[0]];
        var (dice, correlation) = (all.Average(s => s.Dice), Correlation(all));
        table.Add("lesions, Dice", dice, "Dice");
        table.Add("lesions, Dice, elderly", elderly.Average(s => s.Dice), "Dice");
        table.Add("lesions, Dice, MS patient", patient[0].Dice, "Dice");
        table.Add("lesions, Dice, MS patient with T1", patient[^1].Dice, "Dice");
        table.Add("lesions, volume correlation", correlation, "r");
        table.Add("lesions, volume correlation, elderly", Correlation(elderly), "r");
        table.Add("lesions found", Pooled(all), "of 1");
        table.Add("false lesions a scan", all.Average(s => s.Detection.FalsePositives), "");
        table.Add("lesions, HD95", all.Average(s => s.Hd95), "mm");
        table.Add("lesions, ASSD", all.Average(s => s.Assd), "mm");
        table.Add("lesions, seconds a scan", all.Average(s => s.Seconds), "s");
        ModelCard.Rewrite(
            packages,
            manifest,
            Section([.. elderly, .. patient], dice, correlation, Pooled(all))
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"lesions: mean Dice {dice:f3}, {RequiredDice:f2} is required; volume correlation {correlation:f2}, {RequiredCorrelation:f2} is required"
            )
        );
        return dice >= RequiredDice && correlation >= RequiredCorrelation;
    }

    private static string Section(
        IReadOnlyList<Score> scores,
        double dice,
        double correlation,
        double found
    )
    {
        var text = new StringBuilder(
            """
            12 real FLAIR scans of elderly people (2 mm, automatic white-matter lesion masks) and an MS patient (1 mm, skull-stripped, consensus of three raters), none of them seen in
            training. A lesion (26-connected) is found where one voxel of it is; a false one touches none.

            | scan | Dice | ml (truth) | lesions found | false | HD95, mm | ASSD, mm |
            |---|---|---|---|---|---|---|

            """
        );
        foreach (var s in scores)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {s.Scan} | {s.Dice:f3} | {s.Ml:f1} ({s.TrueMl:f1}) | {s.Detection.Detected} of {s.Detection.Lesions} | {s.Detection.FalsePositives} | {s.Hd95:f1} | {s.Assd:f2} |"
            );
        }
        text.AppendLine();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Without T1, mean Dice over the 13 scans: **{dice:f3}**; correlation of volumes **{correlation:f2}**; {100 * found:f0} % of all lesions found."
        );
        return text.ToString();
    }

    private static IEnumerable<Scan> Elderly(string data) =>
        Directory
            .EnumerateFiles(Path.Combine(data, "t1-brain", "flair"), "*_FL.nii.gz")
            .Order(StringComparer.Ordinal)
            .Select(
                (path, n) =>
                    new Scan(
                        $"elderly {n + 1}",
                        path,
                        null,
                        Path.Combine(
                            data,
                            "t1-brain",
                            "wmh",
                            Path.GetFileName(path)
                                .Replace("_FL.", "_FL_DLWMLS.", StringComparison.Ordinal)
                        )
                    )
            );

    private static IEnumerable<Scan> Patient(string data)
    {
        var folder = Path.Combine(data, "ms-lesions", "patient07");
        string File(string prefix) => Directory.EnumerateFiles(folder, $"{prefix}_*").First();
        yield return new("MS patient", File("FLAIR"), null, File("GOLD"));
        yield return new("MS patient, with T1", File("FLAIR"), File("T1"), File("GOLD"));
    }

    private static double Pooled(IReadOnlyList<Score> scores) =>
        (double)scores.Sum(s => s.Detection.Detected) / scores.Sum(s => s.Detection.Lesions);

    private static double Correlation(IReadOnlyList<Score> scores) =>
        AccuracyBenchmark.Correlation([.. scores.Select(s => (s.Ml, s.TrueMl))]);

    private sealed record Scan(string Name, string Flair, string? T1, string Truth);

    private sealed record Score(
        string Scan,
        double Dice,
        double Ml,
        double TrueMl,
        LesionDetection Detection,
        double Hd95,
        double Assd,
        double Seconds
    )
    {
        public static Score Of(OnnxModel model, Scan scan)
        {
            var segmenter = new Segmenter(model);
            var flair = Image(scan.Flair);
            var optional = model.Manifest.Input.OptionalChannels.Select(name =>
                name == "T1" && scan.T1 is { } t1 ? Image(t1) : null
            );
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            var scores = segmenter.Infer(segmenter.Prepare([flair, .. optional]), default);
            var found = Lesions(segmenter.Restore(flair, scores));
            var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
            using var stream = File.OpenRead(scan.Truth);
            var truth = Lesions(NiftiReader.ReadLabels(stream));
            var distances = SurfaceDistances.Between(found, truth, 1);
            var ml = found.Geometry.VoxelVolume / 1000;
            return new(
                scan.Name,
                LabelMeasures.Dice(found, truth, 1),
                found.Voxels.AsSpan().Count((byte)1) * ml,
                truth.Voxels.AsSpan().Count((byte)1) * ml,
                LesionDetection.Between(found, truth),
                distances?.Hausdorff95 ?? double.PositiveInfinity,
                distances?.Average ?? double.PositiveInfinity,
                seconds
            );
        }

        private static Volume<float> Image(string path)
        {
            using var stream = File.OpenRead(path);
            return NiftiReader.ReadImage(stream);
        }

        private static Volume<byte> Lesions(Volume<byte> labels) =>
            new(labels.Geometry, [.. labels.Voxels.Select(v => (byte)Math.Min((int)v, 1))]);
    }
}
