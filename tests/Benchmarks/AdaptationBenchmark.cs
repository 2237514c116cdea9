using System.Globalization;
using System.Text;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training;
using Platform.Training.Adaptation;
using Platform.Training.Networks;
using static TorchSharp.torch;

namespace Platform.Benchmarks;

/// <summary>
/// What adaptation is worth on real scans: the recipe adapt, of one synthetic contrast, and the 12 T1s of PLATFORM_DATA/t1-brain in the order of
/// their names. The first six are the target, without labels (with them for the supervised arm); the other six are the test, and nothing else is.
/// Four networks alike, trained for the same steps on patches cut alike. Writes services/training/adaptation.md; fails where adaptation closes
/// less than <see cref="RequiredOfGap"/> of the gap between the source alone and supervision on the target.
/// </summary>
internal static class AdaptationBenchmark
{
    private const double RequiredOfGap = 0.6;

    /// <param name="resume">Go on from the checkpoints under artifacts/training.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(bool resume)
    {
        if (AccuracyBenchmark.DataFolder() is not { } data)
        {
            return 2;
        }
        set_num_threads(1);
        var recipe = RecipeFile.Read<Recipe>(
            Path.Combine(AppContext.BaseDirectory, "recipes", "adapt.json")
        );
        var scans = Scans(data, recipe).ToList();
        var (target, test) = (scans[..(scans.Count / 2)], scans[(scans.Count / 2)..]);
        var arms = Arms(recipe, Path.Combine(data, "brain-labels"), target);
        Parallel.ForEach(
            arms,
            new() { MaxDegreeOfParallelism = Environment.ProcessorCount },
            arm => Train(arm, recipe, resume)
        );
        var table = new BenchTable("adaptation");
        var dice = arms.Select(arm => test.Select(scan => Measure(arm, recipe, scan)).ToList())
            .ToList();
        var means = dice.Select(ofScans => ofScans.Average(d => d.Average())).ToList();
        foreach (var (arm, mean) in arms.Zip(means))
        {
            table.Add($"{arm.Name}, mean Dice", mean, "Dice");
        }
        var gap = (means[2] - means[0]) / (means[3] - means[0]);
        table.Add("share of the gap that adaptation closes", gap, "of 1");
        File.WriteAllText(
            Path.Combine(BenchTable.RepositoryRoot(), "services", "training", "adaptation.md"),
            Report(recipe, arms, target, test, dice, gap)
        );
        return table.Finish() is not 0 and var failed ? failed
            : gap >= RequiredOfGap ? 0
            : 1;
    }

    private static IReadOnlyList<Arm> Arms(Recipe recipe, string labels, List<Scan> target)
    {
        var atlas = LabelFolder.Read(labels);
        // As brain-structures has it, but for the share of T1-like heads.
        var random = recipe with
        {
            Generator = recipe.Generator with
            {
                T1Fraction = 0,
                ContrastSeed = null,
                Bias = 0.3,
                Gamma = 0.2,
                Noise = 0.05,
                ThickFraction = 0.1,
                CoarseFraction = 0.05,
            },
        };
        var (source, randomised) = (
            new SyntheticSource(recipe, atlas),
            new SyntheticSource(random, atlas)
        );
        var labelled = target
            .Select(scan => TargetFolder.Read(scan.Image, recipe, scan.Truth))
            .ToList();
        var adaptation = new AdaptationTask(
            recipe,
            atlas,
            [.. target.Select(scan => TargetFolder.Read(scan.Image, recipe))]
        );
        Arm Of(string name, PatchTask task) => new(name, task, task.Network);
        return
        [
            Of("source only", new(recipe, source.Draw)),
            Of("domain randomisation", new(recipe, randomised.Draw)),
            new("adaptation", adaptation, adaptation.Segmenter),
            Of(
                "supervised on the target",
                new(recipe, draw => labelled[draw.Next(labelled.Count)])
            ),
        ];
    }

    private static void Train(Arm arm, Recipe recipe, bool resume)
    {
        var trainer = new Trainer(
            arm.Task,
            recipe.Optimisation,
            recipe.Seed,
            message => Console.WriteLine($"{DateTime.Now:HH:mm:ss} {arm.Name}: {message}")
        );
        var checkpoint = Path.Combine(
            BenchTable.RepositoryRoot(),
            "artifacts",
            "training",
            $"adaptation-{arm.Name.Replace(' ', '-')}.checkpoint"
        );
        Directory.CreateDirectory(Path.GetDirectoryName(checkpoint)!);
        trainer.Run(checkpoint, resume);
        trainer.UseAverage();
        arm.Steps = trainer.Step;
    }

    /// <summary>Dice of each structure in a scan, both sides together, as the platform would segment it.</summary>
    private static double[] Measure(Arm arm, Recipe recipe, Scan scan)
    {
        using var model = new OnnxModel(
            CandidateWriter.Package(recipe, arm.Network),
            new() { Device = ComputeDevice.Cpu, Threads = 1 }
        );
        var classOf = new byte[256];
        foreach (var (structure, n) in recipe.Structures.Select((s, n) => (s, (byte)(n + 1))))
        {
            classOf[structure.Value] = classOf[structure.RightValue ?? structure.Value] = n;
        }
        var found = AccuracyBenchmark.Relabel(new Segmenter(model).Run(scan.Image).Volume, classOf);
        return
        [
            .. recipe.Structures.Select(
                (_, n) => LabelMeasures.Dice(found, scan.Truth, (byte)(n + 1))
            ),
        ];
    }

    private static IEnumerable<Scan> Scans(string data, Recipe recipe)
    {
        var folder = Path.Combine(data, "t1-brain");
        var classOf = new byte[256];
        foreach (var (structure, n) in recipe.Structures.Select((s, n) => (s, (byte)(n + 1))))
        {
            var regions = AccuracyBenchmark.Structures.Single(s => s.Name == structure.Name);
            foreach (var region in regions.Left.Concat(regions.Right))
            {
                classOf[region] = n;
            }
        }
        foreach (
            var path in Directory
                .EnumerateFiles(Path.Combine(folder, "t1"), "*_T1.nii.gz")
                .Order(StringComparer.Ordinal)
        )
        {
            var name = Path.GetFileName(path).Replace("_T1.nii.gz", "", StringComparison.Ordinal);
            yield return new(
                name,
                AccuracyBenchmark.Read(path, NiftiReader.ReadImage),
                AccuracyBenchmark.Relabel(
                    AccuracyBenchmark.Read(
                        Path.Combine(folder, "labels", $"{name}_T1_DLMUSE.nii.gz"),
                        NiftiReader.ReadLabels
                    ),
                    classOf
                )
            );
        }
    }

    private static string Report(
        Recipe recipe,
        IReadOnlyList<Arm> arms,
        IReadOnlyList<Scan> target,
        IReadOnlyList<Scan> test,
        IReadOnlyList<List<double[]>> dice,
        double gap
    )
    {
        var text = new StringBuilder();
        string Names(IEnumerable<Scan> scans) => string.Join(", ", scans.Select(s => s.Name));
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"""
            # Adaptation to another scanner, measured

            `./platform bench adaptation` writes this page. Source: heads of one synthetic T1-like contrast without bias or gamma (recipe adapt). Target: the real T1s of
            {Names(target)}, without labels. Test: {Names(
                test
            )}, which nothing was trained or chosen on. Four networks alike of {string.Join(
                ", ",
                recipe.Network.Widths
            )} maps at {recipe.Generator.SpacingMm} mm,
            {recipe.Optimisation.Steps} steps of {recipe.Optimisation.PatchesPerStep} labelled patches of {string.Join(
                '×',
                recipe.Optimisation.Patch
            )} voxels, seed {recipe.Seed}, one CPU thread each. Dice on the scans' own grid, mean ± SD over the {test.Count} test scans.

            | | {string.Join(" | ", recipe.Structures.Select(s => s.Name))} | mean |
            |---|{string.Concat(recipe.Structures.Select(_ => "---|"))}---|
            """
        );
        foreach (var (arm, ofScans) in arms.Zip(dice))
        {
            var each = recipe.Structures.Select((_, n) => Show([.. ofScans.Select(d => d[n])]));
            text.AppendLine(
                $"| {arm.Name}, {arm.Steps} steps | {string.Join(" | ", each)} | **{Show([.. ofScans.Select(d => d.Average())])}** |"
            );
        }
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"\nAdaptation closes **{100 * gap:f0} %** of the gap between the source alone and supervision on the target; {100 * RequiredOfGap:f0} % is required."
        );
        return text.ToString();
    }

    private static string Show(double[] values)
    {
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
        return string.Create(CultureInfo.InvariantCulture, $"{mean:f3} ± {deviation:f3}");
    }

    private sealed record Scan(string Name, Volume<float> Image, Volume<byte> Truth);

    private sealed record Arm(string Name, ITrainingTask Task, StructureNet Network)
    {
        public int Steps { get; set; }
    }
}
