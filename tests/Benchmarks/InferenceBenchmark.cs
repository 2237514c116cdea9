using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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
        var peak = Peak(Environment.ProcessorCount);
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

    /// <summary>GFLOP/s of independent fused multiply–adds in registers on each core; 0 where the CPU has none.</summary>
    private static double Peak(int threads)
    {
        if (!Fma.IsSupported)
        {
            return 0;
        }
        const int steps = 60_000_000;
        _ = Multiply(1_000_000);
        var start = Stopwatch.GetTimestamp();
        Parallel.For(0, threads, new() { MaxDegreeOfParallelism = threads }, _ => Multiply(steps));
        // Ten chains of eight lanes, two operations each.
        return 10.0 * 8 * 2 * steps * threads / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    private static float Multiply(int steps)
    {
        var (m, c) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        var (r0, r1, r2, r3, r4) = (c, c, c, c, c);
        var (r5, r6, r7, r8, r9) = (c, c, c, c, c);
        for (var n = 0; n < steps; n++)
        {
            r0 = Fma.MultiplyAdd(r0, m, c);
            r1 = Fma.MultiplyAdd(r1, m, c);
            r2 = Fma.MultiplyAdd(r2, m, c);
            r3 = Fma.MultiplyAdd(r3, m, c);
            r4 = Fma.MultiplyAdd(r4, m, c);
            r5 = Fma.MultiplyAdd(r5, m, c);
            r6 = Fma.MultiplyAdd(r6, m, c);
            r7 = Fma.MultiplyAdd(r7, m, c);
            r8 = Fma.MultiplyAdd(r8, m, c);
            r9 = Fma.MultiplyAdd(r9, m, c);
        }
        return Vector256.Sum(r0 + r1 + r2 + r3 + r4 + r5 + r6 + r7 + r8 + r9);
    }

    private static double PeakMemoryMiB()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / (1024.0 * 1024);
    }
}
