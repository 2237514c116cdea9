using System.Globalization;
using System.Text;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// The committed brain model on the 12 real T1 and FLAIR scans of PLATFORM_DATA/t1-brain, against their MUSE regions, the super-resolution
/// model against interpolation, and the lesion and cardiac models where they are installed. Rewrites the accuracy section of their cards; fails where the judged
/// structures are below <see cref="Required"/> in the mean, one of them below <see cref="RequiredOfEach"/>, FLAIR below
/// <see cref="RequiredOnFlair"/>, or lesions or hearts below what is required of them.
/// None of these scans took part in training.
/// </summary>
internal static class AccuracyBenchmark
{
    private const string Model = "brain-structures";
    private const double Required = 0.80;
    private const double RequiredOfEach = 0.65;
    private const double RequiredOnFlair = 0.70;
    private const int RightSide = 100;

    internal static readonly string[] Judged =
    [
        "lateral ventricle",
        "thalamus",
        "caudate",
        "putamen",
        "pallidum",
        "hippocampus",
    ];

    /// <summary>How a subject's FLAIR is aligned with its T1, as preprocessing does.</summary>
    private static readonly RegistrationOptions Rigid = new()
    {
        Similarity = Similarity.MutualInformation,
        Model = LinearModel.Rigid,
        AffineIterations = [30, 15, 10],
        Threads = Environment.ProcessorCount,
    };

    /// <summary>MUSE regions of each structure: left (or unpaired), right.</summary>
    internal static readonly (string Name, int[] Left, int[] Right)[] Structures =
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
        var holds = MeasureStructures(models, packages, data, table);
        AccuracySuperResolution.Measure(models, packages, data, table);
        var lesions = AccuracyLesions.Measure(models, packages, data, table);
        var heart = AccuracyCardiac.Measure(models, packages, data, table);
        var written = table.Finish();
        return holds && lesions != false && heart != false ? written : 1;
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

    /// <returns>Whether the model does what is required of it.</returns>
    private static bool MeasureStructures(
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
        var folder = Path.Combine(data, "t1-brain");
        List<Dictionary<int, Score>> t1s = [];
        List<Dictionary<int, Score>> flairs = [];
        var seconds = new List<double>();
        foreach (
            var path in Directory
                .EnumerateFiles(Path.Combine(folder, "t1"), "*_T1.nii.gz")
                .Order(StringComparer.Ordinal)
        )
        {
            var name = Path.GetFileName(path).Replace("_T1.nii.gz", "", StringComparison.Ordinal);
            var t1 = Read(path, NiftiReader.ReadImage);
            var truth = Relabel(
                Read(
                    Path.Combine(folder, "labels", $"{name}_T1_DLMUSE.nii.gz"),
                    NiftiReader.ReadLabels
                ),
                fromMuse
            );
            var result = segmenter.Run(t1);
            seconds.Add(result.Seconds.Values.Sum());
            t1s.Add(Compare(Relabel(result.Volume, fromModel), truth));

            var flair = Read(
                Path.Combine(folder, "flair", $"{name}_FL.nii.gz"),
                NiftiReader.ReadImage
            );
            var found = Relabel(segmenter.Run(flair).Volume, fromModel);
            flairs.Add(Compare(found, Moved(truth, t1, flair)));
        }
        var (mean, least) = Report(t1s, "", table, out var markdown);
        var (flairMean, flairLeast) = Report(flairs, "FLAIR, ", table, out var flairMarkdown);
        table.Add("seconds a scan, mean", seconds.Average(), "s");
        var verdict = string.Create(
            CultureInfo.InvariantCulture,
            $"Mean Dice over {string.Join(", ", Judged)}: **{mean:f3}** on T1 (at least {Required:f2} is required), the least of them {least:f3} (at least {RequiredOfEach:f2}); "
                + $"**{flairMean:f3}** on FLAIR (at least {RequiredOnFlair:f2}), the least {flairLeast:f3}: {mean - flairMean:f3} less than on T1."
        );
        Console.WriteLine(verdict);
        ModelCard.Rewrite(
            packages,
            package.Manifest,
            $"{t1s.Count} real T1 scans (2 mm, MUSE regions, mean ± SD over scans), none of them seen in training.\n\n{markdown}\n"
                + $"The same subjects' FLAIRs (2 mm), the T1's regions moved there by rigid alignment: what that loses counts as the model's.\n\n{flairMarkdown}\n{verdict}\n"
        );
        return mean >= Required && least >= RequiredOfEach && flairMean >= RequiredOnFlair;
    }

    internal static Volume<T> Read<T>(string path, Func<Stream, NiftiReadOptions?, Volume<T>> read)
        where T : unmanaged
    {
        using var file = File.OpenRead(path);
        return read(file, null);
    }

    /// <summary>Labels of one image on the grid of another of the same head, by the nearest voxel.</summary>
    private static Volume<byte> Moved(
        Volume<byte> labels,
        Volume<float> image,
        Volume<float> target
    )
    {
        var found = ImageRegistration.Align(
            FixedImage.Prepare(Orienter.ToOrientation(target, "RAS"), null, Rigid, default),
            MovingImage.Prepare(Orienter.ToOrientation(image, "RAS"), Rigid, default),
            new RegistrationWorkspace()
        );
        var seenFrom = found.Transform.After(AffineTransform.IndexToWorld(target.Geometry));
        var moved = Resampler.Nearest(
            labels,
            new VolumeGeometry(target.Geometry.Shape, seenFrom.Entries)
        );
        return new(target.Geometry, moved.Voxels);
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

    internal static Volume<byte> Relabel(Volume<byte> labels, byte[] map) =>
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

    /// <returns>Mean Dice of the judged structures, and the least of them.</returns>
    private static (double Mean, double Least) Report(
        List<Dictionary<int, Score>> subjects,
        string what,
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
            table.Add($"{what}{name}, Dice", dice.Mean, "Dice");
            table.Add($"{what}{name}, HD95", hd95.Mean, "mm");
            table.Add($"{what}{name}, ASSD", assd.Mean, "mm");
            table.Add($"{what}{name}, volume correlation", r, "r");
            var sides = "| – | – ";
            if (Structures[n].Right is not [])
            {
                var left = Moments([.. scores.Select(s => s.Left!.Value)]);
                var right = Moments([.. scores.Select(s => s.Right!.Value)]);
                table.Add($"{what}left {name}, Dice", left.Mean, "Dice");
                table.Add($"{what}right {name}, Dice", right.Mean, "Dice");
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
        table.Add($"{what}mean of the judged structures", judged.Average(), "Dice");
        return (judged.Average(), judged.Min());
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
