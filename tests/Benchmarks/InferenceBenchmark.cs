using System.Diagnostics;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// The brain model on one head, step by step: how long, how near the machine's peak, how much memory; beside the naive layout of
/// fixed tiles over the whole volume, and beside the same network on one core.
/// </summary>
internal static class InferenceBenchmark
{
    private const string Model = "brain-structures";
    private const string Colin = "/usr/share/mricron/templates/ch2.nii.gz";
    private const int Repeats = 3;

    /// <summary>A common fixed patch of brain networks; the halo is the manifest's.</summary>
    private const int FixedTile = 96;

    /// <param name="packages">The folder that holds models/; null for this repository's shared/.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(string? packages = null)
    {
        packages ??= Path.Combine(BenchTable.RepositoryRoot(), "shared");
        var package = ModelRepository
            .InFolder(packages)
            .LoadAsync(Model, default)
            .GetAwaiter()
            .GetResult();
        var table = new BenchTable("inference");
        var head = Head();
        using var model = new OnnxModel(package);
        var segmenter = new Segmenter(model);
        var runs = Enumerable.Range(0, Repeats).Select(_ => segmenter.Run(head)).ToArray();
        foreach (var step in runs[0].Seconds.Keys)
        {
            table.Add(step, 1000 * runs.Min(r => r.Seconds[step]), "ms");
        }
        var total = runs.Min(r => r.Seconds.Values.Sum());
        var infer = runs.Min(r => r.Seconds["infer"]);
        table.Add("total", 1000 * total, "ms");

        var voxels = Computed(model, segmenter.Prepare(head));
        var gflop = InferenceCost.FlopPerVoxel(package.Onnx) * voxels / 1e9;
        table.Add("network, computed", gflop, "GFLOP");
        var peak = MachinePeak.Gflops(Environment.ProcessorCount);
        table.Add(
            "network, rate",
            gflop / infer,
            "GFLOP/s",
            peak,
            $"measured FMA peak of {Environment.ProcessorCount} cores"
        );
        table.Add(
            "network",
            1000 * infer,
            "ms",
            1000 * FixedTiles(model, head),
            $"fixed {FixedTile}³ tiles over the whole volume"
        );
        using (var one = new OnnxModel(package, new OnnxOptions { Threads = 1 }))
        {
            var alone = new Segmenter(one).Run(head);
            table.Add("network", 1000 * infer, "ms", 1000 * alone.Seconds["infer"], "one core");
            table.Add(
                "voxels labelled otherwise on one core",
                alone.Volume.Voxels.Zip(runs[0].Volume.Voxels).Count(v => v.First != v.Second),
                "voxels"
            );
        }
        table.Add("peak memory of the process", PeakMemoryMiB(), "MiB");
        return table.Finish();
    }

    private static Volume<float> Head()
    {
        using var stream = File.OpenRead(Colin);
        return NiftiReader.ReadImage(stream);
    }

    /// <summary>Voxels the network computes, halos and padding included.</summary>
    private static long Computed(OnnxModel model, PreparedImage prepared)
    {
        var tiling = model.Manifest.Tiling;
        var (i, j, k) = prepared.TileGrid(tiling);
        return i * j * k;
    }

    /// <summary>Seconds for what a fixed layout computes: the network on tiles of one size until the whole volume is covered.</summary>
    private static double FixedTiles(OnnxModel model, Volume<float> head)
    {
        var spacing = model.Manifest.Input.SpacingMm!;
        var (sizeI, sizeJ, sizeK) = Resampler
            .ToSpacing(head.Geometry, (spacing[0], spacing[1], spacing[2]))
            .Shape;
        var core = FixedTile - 2 * model.Manifest.Tiling.Halo;
        var count = Tiles(sizeI) * Tiles(sizeJ) * Tiles(sizeK);
        var tile = new float[FixedTile * FixedTile * FixedTile];
        var start = Stopwatch.GetTimestamp();
        for (var n = 0; n < count; n++)
        {
            model.Run(tile, [1, 1, FixedTile, FixedTile, FixedTile], (_, _) => { });
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;

        int Tiles(int size) => size <= FixedTile ? 1 : (size + core - 1) / core;
    }

    private static double PeakMemoryMiB()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / (1024.0 * 1024);
    }
}
