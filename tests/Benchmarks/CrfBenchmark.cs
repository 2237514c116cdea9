using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.Imaging;
using Platform.Imaging.RandomFields;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Benchmarks;

/// <summary>
/// What the dense CRF costs and what it brings: time and memory on a phantom of two channels at 1 and 2 mm whose scores are noisy, its Dice before and after;
/// then the installed brain model on the real T1s of PLATFORM_DATA/t1-brain with DeepMedic's constants and without.
/// </summary>
internal static class CrfBenchmark
{
    /// <summary>DeepMedic's constants for two channels: 4.5 and 3.5 of 255 levels over [−3.1, 3.1].</summary>
    private static readonly DenseCrfOptions Shipped = new() { IntensityDeviation = [0.109, 0.085] };

    /// <returns>The process's exit code.</returns>
    public static int Run()
    {
        var table = new BenchTable("crf");
        Phantom(table, 2);
        Phantom(table, 1);
        if (AccuracyBenchmark.DataFolder() is { } data)
        {
            var (plain, plainSeconds) = Brains(data, null);
            var (refined, seconds) = Brains(data, new JsonArray(0.109));
            table.Add("T1, six structures, network alone", plain, "Dice");
            table.Add("T1, six structures, with the CRF", refined, "Dice", plain, "network alone");
            table.Add(
                "T1, seconds a scan with the CRF",
                seconds,
                "s",
                plainSeconds,
                "network alone"
            );
        }
        return table.Finish();
    }

    /// <summary>White matter by scores that are right but for noise.</summary>
    private static void Phantom(BenchTable table, double spacing)
    {
        var shape = ((int)(182 / spacing), (int)(218 / spacing), (int)(182 / spacing));
        var geometry = VolumeGeometry.Ras(shape, (spacing, spacing, spacing), (-90, -125, -90));
        var (first, labels) = BrainPhantom.Draw(geometry, (x, y, z) => (x, y, z), 1);
        var (second, _) = BrainPhantom.Draw(geometry, (x, y, z) => (x, y, z), 2, gamma: 0.6);
        var truth = new Volume<byte>(
            geometry,
            [.. labels.Voxels.Select(l => l is 2 or 41 ? (byte)1 : (byte)0)]
        );
        var region = new Volume<byte>(
            geometry,
            [.. first.Voxels.Select(v => v > 5 ? (byte)1 : (byte)0)]
        );
        var random = new Random(3);
        var scores = new float[2 * truth.Voxels.Length];
        for (var n = 0; n < truth.Voxels.Length; n++)
        {
            var noise = random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f;
            scores[truth.Voxels.Length + n] = (truth.Voxels[n] > 0 ? 1 : -1) + 3 * noise;
        }
        float[] one = Normaliser.Apply(first, 0.5, 99.5).Voxels,
            other = Normaliser.Apply(second, 0.5, 99.5).Voxels;
        var before = Dice(scores, truth);
        var start = Stopwatch.GetTimestamp();
        DenseCrf.Refine(scores, [one, other], region, Shipped);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var voxels = region.Voxels.Length - region.Voxels.AsSpan().Count((byte)0);
        using var process = Process.GetCurrentProcess();
        var where = $"{spacing} mm, {voxels / 1e6:f2} million voxels, two channels";
        table.Add($"{where}: two steps", seconds, "s");
        table.Add($"{where}: a voxel", 1e9 * seconds / voxels, "ns");
        table.Add($"{where}: peak memory of the process", process.PeakWorkingSet64 / 1e6, "MB");
        table.Add(
            $"{where}: white matter of noisy scores",
            Dice(scores, truth),
            "Dice",
            before,
            "before"
        );
    }

    private static double Dice(float[] scores, Volume<byte> truth)
    {
        var voxels = truth.Voxels.Length;
        var found = new Volume<byte>(truth.Geometry);
        for (var n = 0; n < voxels; n++)
        {
            found.Voxels[n] = scores[voxels + n] > scores[n] ? (byte)1 : (byte)0;
        }
        return LabelMeasures.Dice(found, truth, 1);
    }

    /// <summary>Mean Dice and seconds over the T1s, of the installed model or of the same one with a CRF.</summary>
    private static (double Dice, double Seconds) Brains(string data, JsonArray? intensityDeviation)
    {
        var folder = Path.Combine(BenchTable.RepositoryRoot(), "shared");
        var id = ModelRepository
            .InFolder(folder)
            .LoadAsync("brain-structures", default)
            .GetAwaiter()
            .GetResult()
            .Manifest;
        var files = Path.Combine(folder, "models", id.Name, id.Version);
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(files, "model.json")))!;
        if (intensityDeviation is not null)
        {
            manifest["crf"] = new JsonObject { ["intensityDeviation"] = intensityDeviation };
        }
        using var model = new OnnxModel(
            ModelPackage.Load(
                JsonSerializer.SerializeToUtf8Bytes(manifest),
                File.ReadAllBytes(Path.Combine(files, "model.onnx"))
            )
        );
        var judged = AccuracyBenchmark.Judged;
        var (fromModel, fromMuse) = (new byte[256], new byte[256]);
        for (var n = 0; n < judged.Length; n++)
        {
            var structure = AccuracyBenchmark.Structures.Single(s => s.Name == judged[n]);
            foreach (var region in structure.Left.Concat(structure.Right))
            {
                fromMuse[region] = (byte)(n + 1);
            }
            foreach (
                var label in id.Labels.Where(l =>
                    l.Name.EndsWith(judged[n], StringComparison.Ordinal)
                )
            )
            {
                fromModel[label.Value] = (byte)(n + 1);
            }
        }
        List<double> dice = [],
            seconds = [];
        var scans = Path.Combine(data, "t1-brain");
        foreach (var path in Directory.EnumerateFiles(Path.Combine(scans, "t1"), "*_T1.nii.gz"))
        {
            var image = AccuracyBenchmark.Read(path, NiftiReader.ReadImage);
            var regions = Path.GetFileName(path)
                .Replace(".nii", "_DLMUSE.nii", StringComparison.Ordinal);
            var truth = AccuracyBenchmark.Relabel(
                AccuracyBenchmark.Read(
                    Path.Combine(scans, "labels", regions),
                    NiftiReader.ReadLabels
                ),
                fromMuse
            );
            var result = new Segmenter(model).Run(image);
            var found = AccuracyBenchmark.Relabel(result.Volume, fromModel);
            dice.AddRange(judged.Select((_, n) => LabelMeasures.Dice(found, truth, (byte)(n + 1))));
            seconds.Add(result.Seconds.Values.Sum());
        }
        return (dice.Average(), seconds.Average());
    }
}
