using System.Diagnostics;
using System.Globalization;
using Platform.Imaging;

namespace Platform.Benchmarks;

/// <summary>
/// `bench imaging`: the codec and the kernels beside nibabel and scipy.ndimage in the same run, on the Colin brain at 1 mm (Debian's mricron-data)
/// or, where it is missing, a generated volume of its shape. Times are the best of several; both cores here, one in the peers, as each comes.
/// The floor is the least a kernel must move (each input read once, each output written once) at the machine's measured copy bandwidth.
/// </summary>
static class ImagingBenchmark
{
    const int Repeats = 7;

    // On a slow or busy machine fewer repeats must do.
    const double LongestMs = 4000;
    const string Scan = "/usr/share/mricron/templates/ch2.nii.gz";
    const string Atlas = "/usr/share/mricron/templates/aal.nii.gz";

    // The same work in Python: each line printed is the best time in ms.
    const string Peer = """
        import sys, time
        import nibabel, numpy as np, scipy
        from scipy import ndimage
        scan, labels, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
        def best(name, work):
            begun = time.perf_counter()
            work()
            times = []
            while not times or (len(times) < repeats and time.perf_counter() - begun < 4):
                start = time.perf_counter()
                work()
                times.append(time.perf_counter() - start)
            print(name, min(times) * 1e3)
        image = np.asfortranarray(nibabel.load(scan).get_fdata(dtype=np.float32))
        atlas = np.asfortranarray(np.asanyarray(nibabel.load(labels).dataobj).astype(np.uint8))
        half = ndimage.zoom(image, 0.5, order=1, mode="nearest", grid_mode=True)
        ratio = np.array(image.shape) / half.shape
        sigma = np.sqrt(4 - 1) / (2 * np.sqrt(2 * np.log(2)))
        turn = np.array([[1, 0.1, 0], [-0.1, 1, 0], [0, 0, 1.0]])
        best("read", lambda: nibabel.load(scan).get_fdata(dtype=np.float32))
        best("down", lambda: ndimage.zoom(ndimage.gaussian_filter(image, sigma, mode="nearest"), 0.5, order=1, mode="nearest", grid_mode=True))
        best("linear", lambda: ndimage.zoom(half, ratio, order=1, mode="nearest", grid_mode=True))
        best("cubic", lambda: ndimage.zoom(half, ratio, order=3, mode="mirror", grid_mode=True))
        best("oblique", lambda: ndimage.affine_transform(image, turn, order=1))
        best("obliqueCubic", lambda: ndimage.affine_transform(image, turn, order=3))
        best("distance", lambda: ndimage.distance_transform_edt(atlas == 0, (1, 1, 1)))
        best("components", lambda: ndimage.label(atlas != 0, np.ones((3, 3, 3))))
        best("percentiles", lambda: np.percentile(image, (1, 50, 99)))
        print("version", nibabel.__version__, scipy.__version__, np.__version__)
        """;

    public static int Run()
    {
        var folder = Directory.CreateTempSubdirectory("bench-imaging-").FullName;
        try
        {
            var (scan, atlas) = Files(folder);
            var peer = RunPeer(scan, atlas);
            return Measure(File.ReadAllBytes(scan), File.ReadAllBytes(atlas), peer).Finish();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static BenchTable Measure(byte[] scan, byte[] atlas, Dictionary<string, string[]> peer)
    {
        var image = NiftiReader.ReadImage(new MemoryStream(scan));
        var mask = NiftiReader.ReadLabels(new MemoryStream(atlas));
        var half = Resampler.ToSpacing(image.Geometry, Double(image.Geometry.Spacing));
        var small = Resampler.Linear(image, half);
        var affine = image.Geometry.Affine.ToArray();
        (affine[1], affine[4]) = (0.1 * affine[5], -0.1 * affine[0]);
        var oblique = new VolumeGeometry(image.Geometry.Shape, affine);
        var logits = new float[13 * half.VoxelCount];
        for (var n = 0; n < logits.Length; n++)
        {
            logits[n] = MathF.Sin(n * 0.37f);
        }
        using var packed = new MemoryStream();
        NiftiWriter.Write(packed, image, NiftiCompression.Zstd);
        var zstd = packed.ToArray();

        var table = new BenchTable("imaging");
        var bandwidth = CopyBandwidth();
        table.Add("memory copied, both cores", bandwidth / 1e9, "GB/s");
        var nibabel = $"nibabel {peer["version"][0]}";
        var scipy = $"scipy.ndimage {peer["version"][1]}";
        double full = image.Voxels.Length * sizeof(float),
            eighth = small.Voxels.Length * sizeof(float);

        Row(
            "read .nii.gz to float",
            "read",
            full,
            nibabel,
            () => NiftiReader.ReadImage(new MemoryStream(scan))
        );
        Row(
            "read .nii.zst to float",
            null,
            full,
            null,
            () => NiftiReader.ReadImage(new MemoryStream(zstd))
        );
        Row(
            "write .nii.zst",
            null,
            full,
            null,
            () => NiftiWriter.Write(new MemoryStream(), image, NiftiCompression.Zstd)
        );
        Row(
            "linear 1 to 2 mm, anti-aliased",
            "down",
            full + eighth,
            scipy,
            () => Resampler.Linear(image, half)
        );
        Row(
            "linear 2 to 1 mm",
            "linear",
            full + eighth,
            scipy,
            () => Resampler.Linear(small, image.Geometry)
        );
        Row(
            "cubic B-spline 2 to 1 mm",
            "cubic",
            full + 3 * eighth,
            scipy,
            () => Resampler.CubicBSpline(small, image.Geometry)
        );
        Row(
            "linear, oblique",
            "oblique",
            2 * full,
            scipy,
            () => Resampler.Linear(image, oblique, antiAlias: false)
        );
        Row(
            "cubic B-spline, oblique",
            "obliqueCubic",
            4 * full,
            scipy,
            () => Resampler.CubicBSpline(image, oblique, antiAlias: false)
        );
        Row(
            "labels of 13 scores, 2 to 1 mm",
            null,
            13 * eighth + full / 4,
            null,
            () => LabelResampler.ArgmaxLinear(logits, half, image.Geometry)
        );
        Row(
            "Euclidean distance transform",
            "distance",
            full + full / 4,
            scipy,
            () => DistanceTransform.ToMask(mask)
        );
        var binary = new Volume<byte>(
            mask.Geometry,
            [.. mask.Voxels.Select(v => v == 0 ? (byte)0 : (byte)1)]
        );
        Row(
            "connected components, 26 neighbours",
            "components",
            full + full / 4,
            scipy,
            () => ConnectedComponents.Find(binary).ToVolume()
        );
        Row(
            "percentiles 1, 50, 99",
            "percentiles",
            2 * full,
            $"numpy {peer["version"][2]}",
            () => Intensities.Percentiles(image.Voxels, 1, 50, 99)
        );
        return table;

        void Row(string name, string? key, double bytes, string? peerName, Action work)
        {
            var ms = Best(work);
            table.Add(name, ms, "ms", key is null ? null : Number(peer[key][0]), peerName);
            table.Add($"  {name}: times its memory floor", ms / (bytes / bandwidth * 1e3), "×");
        }
    }

    static double Best(Action work)
    {
        // Enough rounds first for the compiler's second tier.
        var begun = Stopwatch.GetTimestamp();
        bool Enough() => Stopwatch.GetElapsedTime(begun).TotalMilliseconds > LongestMs;
        for (var warm = 0; warm < 3 && !Enough(); warm++)
        {
            work();
        }
        var best = double.MaxValue;
        for (var n = 0; n == 0 || (n < Repeats && !Enough()); n++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return best;
    }

    /// <summary>Bytes read plus written a second by a copy of 256 MiB split over all cores.</summary>
    static double CopyBandwidth()
    {
        var (from, to) = (new byte[1 << 28], new byte[1 << 28]);
        var parts = Environment.ProcessorCount;
        var part = from.Length / parts;
        var ms = Best(() =>
            Parallel.For(
                0,
                parts,
                n => from.AsSpan(n * part, part).CopyTo(to.AsSpan(n * part, part))
            )
        );
        return 2.0 * parts * part / (ms / 1e3);
    }

    static (double, double, double) Double((double I, double J, double K) spacing) =>
        (2 * spacing.I, 2 * spacing.J, 2 * spacing.K);

    static double Number(string word) => double.Parse(word, CultureInfo.InvariantCulture);

    static Dictionary<string, string[]> RunPeer(string scan, string atlas)
    {
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "-c",
                Peer,
                scan,
                atlas,
                Repeats.ToString(CultureInfo.InvariantCulture),
            },
        };
        using var process = Process.Start(start)!;
        var lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? lines
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(' '))
                .ToDictionary(words => words[0], words => words[1..])
            : throw new InvalidOperationException(
                "the peers did not run: python3-nibabel and python3-scipy are needed"
            );
    }

    static (string Scan, string Atlas) Files(string folder)
    {
        if (File.Exists(Scan) && File.Exists(Atlas))
        {
            return (Scan, Atlas);
        }
        var geometry = VolumeGeometry.Ras((181, 217, 181), (1, 1, 1), (-90, -125, -71));
        var image = new Volume<float>(geometry);
        var labels = new Volume<byte>(geometry);
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (x, y, z) = (n % 181 / 90.0 - 1, n / 181 % 217 / 108.0 - 1, n / 39277 / 90.0 - 1);
            var inside = x * x + y * y + z * z < 0.7;
            image.Voxels[n] = inside
                ? (float)Math.Round(100 + 40 * Math.Sin(9 * x + 7 * y) * z)
                : 0;
            labels.Voxels[n] = inside ? (byte)(1 + n / 7 % 90) : (byte)0;
        }
        var paths = (Path.Combine(folder, "scan.nii.gz"), Path.Combine(folder, "atlas.nii.gz"));
        using var scan = File.Create(paths.Item1);
        NiftiWriter.Write(scan, image, NiftiCompression.Gzip);
        using var atlas = File.Create(paths.Item2);
        NiftiWriter.Write(atlas, labels, NiftiCompression.Gzip);
        return paths;
    }
}
