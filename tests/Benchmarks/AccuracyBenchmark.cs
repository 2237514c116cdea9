using System.Globalization;
using System.Text;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// The committed brain model on the 12 real T1 scans of PLATFORM_DATA/t1-brain, against their MUSE regions, the super-resolution
/// model against interpolation, and the lesion model where one is installed. Rewrites the accuracy section of their cards; fails where the mean Dice
/// is below <see cref="Required"/>, or lesions are below what is required of them.
/// None of these scans took part in training.
/// </summary>
internal static class AccuracyBenchmark
{
    private const string Model = "brain-structures";
    private const double Required = 0.70;
    private const int RightSide = 100;

    private static readonly string[] Judged =
    [
        "lateral ventricle",
        "thalamus",
        "caudate",
        "putamen",
        "hippocampus",
    ];

    /// <summary>MUSE regions of each structure: left (or unpaired), right.</summary>
    private static readonly (string Name, int[] Left, int[] Right)[] Structures =
    [
        ("cerebral white matter", [.. Enumerable.Range(81, 15)], []),
        ("cerebral cortex", [.. Enumerable.Range(100, 108)], []),
        ("lateral ventricle", [50, 52], [49, 51]),
        ("thalamus", [60], [59]),
        ("caudate", [37], [36]),
        ("putamen", [58], [57]),
        ("pallidum", [56], [55]),
        ("hippocampus", [48], [47]),
        ("amygdala", [32], [31]),
        ("accumbens", [30], [23]),
        ("ventral diencephalon", [62], [61]),
        ("brain stem", [35], []),
        ("cerebellum", [38, 39, 40, 41, 71, 72, 73], []),
        ("cerebrospinal fluid", [1, 4, 11, 46], []),
    ];

    /// <param name="packages">The folder that holds models/; null for this repository's shared/.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(string? packages = null)
    {
        if (DataFolder() is not { } data)
        {
            return 2;
        }
        packages ??= Path.Combine(BenchTable.RepositoryRoot(), "shared");
        var table = new BenchTable("accuracy");
        var models = ModelRepository.InFolder(packages);
        var mean = MeasureStructures(models, packages, data, table);
        AccuracySuperResolution.Measure(models, packages, data, table);
        var lesions = AccuracyLesions.Measure(models, packages, data, table);
        var written = table.Finish();
        Console.WriteLine(
            $"mean Dice over {string.Join(", ", Judged)}: {mean:f3}, {Required:f2} is required"
        );
        return mean >= Required && lesions != false ? written : 1;
    }

    /// <summary>The folder of real scans; null, with a message, where there is none.</summary>
    public static string? DataFolder()
    {
        var data = Environment.GetEnvironmentVariable("PLATFORM_DATA");
        if (string.IsNullOrEmpty(data))
        {
            Console.Error.WriteLine("bench: PLATFORM_DATA must name the folder of real scans");
            return null;
        }
        return data;
    }

    private static double MeasureStructures(
        ModelRepository models,
        string packages,
        string data,
        BenchTable table
    )
    {
        var package = models.LoadAsync(Model, default).GetAwaiter().GetResult();
        using var model = new OnnxModel(package);
        var segmenter = new Segmenter(model);
        var fromModel = FromModel(package.Manifest);
        var fromMuse = FromMuse();
        var subjects = new List<Dictionary<int, Score>>();
        var seconds = new List<double>();
        foreach (
            var path in Directory
                .EnumerateFiles(Path.Combine(data, "t1-brain", "t1"), "*_T1.nii.gz")
                .Order(StringComparer.Ordinal)
        )
        {
            var name = Path.GetFileName(path).Replace(".nii.gz", "", StringComparison.Ordinal);
            var truth = Path.Combine(data, "t1-brain", "labels", $"{name}_DLMUSE.nii.gz");
            using var image = File.OpenRead(path);
            using var labels = File.OpenRead(truth);
            var result = segmenter.Run(NiftiReader.ReadImage(image));
            seconds.Add(result.Seconds.Values.Sum());
            subjects.Add(
                Compare(
                    Relabel(result.Volume, fromModel),
                    Relabel(NiftiReader.ReadLabels(labels), fromMuse)
                )
            );
        }
        var mean = Report(subjects, table, out var markdown);
        table.Add("seconds a scan, mean", seconds.Average(), "s");
        ModelCard.Rewrite(
            packages,
            package.Manifest,
            $"{subjects.Count} real T1 scans (2 mm, MUSE regions, mean ± SD over scans), none of them seen in training.\n\n{markdown}\n"
                + $"Mean Dice over {string.Join(", ", Judged)}: **{mean:f3}**.\n"
        );
        return mean;
    }

    /// <summary>Model value → structure number, plus <see cref="RightSide"/> on the right.</summary>
    private static byte[] FromModel(ModelManifest manifest)
    {
        var map = new byte[256];
        foreach (var label in manifest.Labels)
        {
            var name = label.Side is null ? label.Name : label.Name[(label.Side.Length + 1)..];
            var structure = Array.FindIndex(Structures, s => s.Name == name);
            if (structure < 0)
            {
                throw new InvalidDataException($"label '{label.Name}' has no MUSE regions here");
            }
            map[label.Value] = (byte)(structure + 1 + (label.Side == "right" ? RightSide : 0));
        }
        return map;
    }

    private static byte[] FromMuse()
    {
        var map = new byte[256];
        for (var n = 0; n < Structures.Length; n++)
        {
            foreach (var region in Structures[n].Left)
            {
                map[region] = (byte)(n + 1);
            }
            foreach (var region in Structures[n].Right)
            {
                map[region] = (byte)(n + 1 + RightSide);
            }
        }
        return map;
    }

    private static Volume<byte> Relabel(Volume<byte> labels, byte[] map) =>
        new(labels.Geometry, [.. labels.Voxels.Select(v => map[v])]);

    /// <summary>By structure number: merged sides below <see cref="RightSide"/>, then left and right under their own keys.</summary>
    private static Dictionary<int, Score> Compare(Volume<byte> found, Volume<byte> truth)
    {
        byte[] merge =
        [
            .. Enumerable.Range(0, 256).Select(v => (byte)(v > RightSide ? v - RightSide : v)),
        ];
        var (foundBoth, truthBoth) = (Relabel(found, merge), Relabel(truth, merge));
        var ml = found.Geometry.VoxelVolume / 1000;
        var scores = new Dictionary<int, Score>();
        for (var n = 0; n < Structures.Length; n++)
        {
            var label = (byte)(n + 1);
            var distances = SurfaceDistances.Between(foundBoth, truthBoth, label);
            scores[label] = new Score(
                LabelMeasures.Dice(foundBoth, truthBoth, label),
                Structures[n].Right is [] ? null : LabelMeasures.Dice(found, truth, label),
                Structures[n].Right is []
                    ? null
                    : LabelMeasures.Dice(found, truth, (byte)(label + RightSide)),
                distances?.Hausdorff95 ?? double.PositiveInfinity,
                distances?.Average ?? double.PositiveInfinity,
                foundBoth.Voxels.AsSpan().Count(label) * ml,
                truthBoth.Voxels.AsSpan().Count(label) * ml
            );
        }
        return scores;
    }

    private static double Report(
        List<Dictionary<int, Score>> subjects,
        BenchTable table,
        out string markdown
    )
    {
        var text = new StringBuilder();
        text.AppendLine(
            "| structure | Dice | left | right | HD95, mm | ASSD, mm | volume, ml (reference) | volume r |"
        );
        text.AppendLine("|---|---|---|---|---|---|---|---|");
        var judged = new List<double>();
        for (var n = 0; n < Structures.Length; n++)
        {
            var name = Structures[n].Name;
            Score[] scores = [.. subjects.Select(s => s[n + 1])];
            var dice = Moments([.. scores.Select(s => s.Dice)]);
            var hd95 = Moments([.. scores.Select(s => s.Hd95)]);
            var assd = Moments([.. scores.Select(s => s.Assd)]);
            var r = Correlation([.. scores.Select(s => (s.Ml, s.TrueMl))]);
            table.Add($"{name}, Dice", dice.Mean, "Dice");
            table.Add($"{name}, HD95", hd95.Mean, "mm");
            table.Add($"{name}, ASSD", assd.Mean, "mm");
            table.Add($"{name}, volume correlation", r, "r");
            var sides = "| – | – ";
            if (Structures[n].Right is not [])
            {
                var left = Moments([.. scores.Select(s => s.Left!.Value)]);
                var right = Moments([.. scores.Select(s => s.Right!.Value)]);
                table.Add($"left {name}, Dice", left.Mean, "Dice");
                table.Add($"right {name}, Dice", right.Mean, "Dice");
                sides = $"| {Show(left)} | {Show(right)} ";
            }
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {name} | {Show(dice)} {sides}| {hd95.Mean:f1} | {assd.Mean:f2} | {scores.Average(s => s.Ml):f1} ({scores.Average(s => s.TrueMl):f1}) | {r:f2} |"
            );
            if (Judged.Contains(name))
            {
                judged.Add(dice.Mean);
            }
        }
        markdown = text.ToString();
        table.Add("mean of the five judged structures", judged.Average(), "Dice");
        return judged.Average();
    }

    private static string Show((double Mean, double Deviation) moments) =>
        $"{moments.Mean:f3} ± {moments.Deviation:f3}";

    private static (double Mean, double Deviation) Moments(double[] values)
    {
        var mean = values.Average();
        return (mean, Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1)));
    }

    /// <summary>Pearson's correlation of pairs.</summary>
    public static double Correlation(IReadOnlyList<(double X, double Y)> pairs)
    {
        var (x, y) = (pairs.Average(p => p.X), pairs.Average(p => p.Y));
        return pairs.Sum(p => (p.X - x) * (p.Y - y))
            / Math.Sqrt(
                pairs.Sum(p => (p.X - x) * (p.X - x)) * pairs.Sum(p => (p.Y - y) * (p.Y - y))
            );
    }

    private readonly record struct Score(
        double Dice,
        double? Left,
        double? Right,
        double Hd95,
        double Assd,
        double Ml,
        double TrueMl
    );
}
