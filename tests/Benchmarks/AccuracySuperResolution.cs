using System.Globalization;
using System.Numerics.Tensors;
using System.Text;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// Super-resolution against interpolation: 1 mm scans are blurred along their slices with the model's slice profile and thinned
/// to thick slices, then brought back; PSNR and SSIM over the head, one intensity scaling for all.
/// </summary>
internal static class AccuracySuperResolution
{
    private const string Colin = "/usr/share/mricron/templates/ch2.nii.gz";

    public static void Measure(
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
            .LastOrDefault(m => m.Task == ModelTask.SuperResolution && m.Input.Channels is ["T1"]);
        if (manifest is null)
        {
            Console.Error.WriteLine(
                "bench accuracy: no super-resolution model for T1 is installed"
            );
            return;
        }
        using var model = new OnnxModel(
            models.LoadAsync(manifest.Id, default).GetAwaiter().GetResult()
        );
        var scans = new[]
        {
            ("Colin, T1", Colin),
            (
                "MS patient, skull-stripped T1",
                Directory
                    .EnumerateFiles(Path.Combine(data, "ms-lesions", "patient07"), "T1_*.nii.gz")
                    .First()
            ),
        };
        var card = new StringBuilder(
            """
            Scans of 1 mm, blurred along their slices with the slice profile of model.json, thinned, and brought back; none was seen in training.

            | scan | PSNR, dB: network | cubic B-spline | linear | SSIM: network | cubic B-spline | linear | errors within the 90 % they should keep | r with the errors | deviation from the slices |
            |---|---|---|---|---|---|---|---|---|---|

            """
        );
        foreach (var (name, path) in scans)
        {
            if (!File.Exists(path))
            {
                Console.Error.WriteLine($"bench accuracy: {path} is missing (mricron-data)");
                continue;
            }
            using var stream = File.OpenRead(path);
            var scan = Orienter.ToOrientation(NiftiReader.ReadImage(stream), "RAS");
            card.AppendLine(MeasureOne(name, scan, new SuperResolver(model), manifest, table));
        }
        ModelCard.Rewrite(packages, manifest, card.ToString());
    }

    /// <summary>One row of the card's table.</summary>
    private static string MeasureOne(
        string name,
        Volume<float> scan,
        SuperResolver resolver,
        ModelManifest manifest,
        BenchTable table
    )
    {
        var settings = manifest.SuperResolution!;
        var (thick, truth) = Thin(scan, settings.Factor, settings.SliceProfileFwhm);
        var prepared = resolver.Prepare(thick);
        var raw = resolver.Infer(prepared, default);
        var learned = resolver.Restore(thick, raw);
        var uncertainty = resolver.Uncertainty(thick, raw);
        var deviation = resolver.Deviation(thick, learned)!.Value;
        var cubic = Resampler.CubicBSpline(thick, truth.Geometry);
        var linear = Resampler.Linear(thick, truth.Geometry, antiAlias: false);
        var box = Head(truth);
        var (reference, range) = Crop(truth, box);
        var (a, b, c) = (
            Crop(learned, box).Volume,
            Crop(cubic, box).Volume,
            Crop(linear, box).Volume
        );
        var prefix = $"SR ×{settings.Factor}, {name}";
        table.Add($"{prefix}: PSNR", Psnr(a), "dB", Psnr(b), "cubic B-spline");
        table.Add($"{prefix}: PSNR, against linear", Psnr(a), "dB", Psnr(c), "linear");
        table.Add($"{prefix}: SSIM", Ssim(a), "SSIM", Ssim(b), "cubic B-spline");
        table.Add($"{prefix}: SSIM, against linear", Ssim(a), "SSIM", Ssim(c), "linear");
        table.Add($"{prefix}: deviation from the slices", deviation, "of the SD");
        var told = "– | –";
        if (uncertainty is not null)
        {
            var (share, r) = Calibration(Crop(uncertainty, box).Volume);
            table.Add($"{prefix}: errors within the bound of 90 %", share, "of 1");
            table.Add($"{prefix}: uncertainty and error", r, "r");
            told = string.Create(CultureInfo.InvariantCulture, $"{100 * share:f0} % | {r:f2}");
        }
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | **{Psnr(a):f2}** | {Psnr(b):f2} | {Psnr(c):f2} | **{Ssim(a):f3}** | {Ssim(b):f3} | {Ssim(c):f3} | {told} | {deviation:f3} |"
        );

        // Of a Laplace distribution nine errors in ten are below its mean times the logarithm of ten.
        (double Share, double R) Calibration(Volume<float> expected)
        {
            var pairs = expected
                .Voxels.Select(
                    (e, n) => ((double)e, (double)Math.Abs(a.Voxels[n] - reference.Voxels[n]))
                )
                .ToList();
            var within = pairs.Count(p => p.Item2 <= Math.Log(10) * p.Item1);
            return ((double)within / pairs.Count, AccuracyBenchmark.Correlation(pairs));
        }

        double Psnr(Volume<float> found) =>
            20
            * Math.Log10(
                range
                    / Math.Sqrt(
                        Math.Pow(
                            TensorPrimitives.Distance<float>(found.Voxels, reference.Voxels),
                            2
                        ) / found.Voxels.Length
                    )
            );

        double Ssim(Volume<float> found) => StructuralSimilarity(found, reference, range);
    }

    /// <summary>Thick slices as a scanner would measure them, and the thin ones they were made of.</summary>
    private static (Volume<float> Thick, Volume<float> Truth) Thin(
        Volume<float> scan,
        int factor,
        double profileFwhm
    )
    {
        var (sizeI, sizeJ, sizeK) = scan.Geometry.Shape;
        var slices = sizeK / factor;
        var truth = new Volume<float>(
            new VolumeGeometry((sizeI, sizeJ, slices * factor), scan.Geometry.Affine),
            scan.Voxels[..(sizeI * sizeJ * slices * factor)]
        );
        double[] affine = [.. scan.Geometry.Affine];
        for (var row = 0; row < 12; row += 4)
        {
            affine[row + 3] += (factor - 1) / 2.0 * affine[row + 2];
            affine[row + 2] *= factor;
        }
        var thick = new Volume<float>(new VolumeGeometry((sizeI, sizeJ, slices), affine));
        var sigma = profileFwhm * factor / (2 * Math.Sqrt(2 * Math.Log(2)));
        var plane = sizeI * sizeJ;
        for (var slice = 0; slice < slices; slice++)
        {
            var centre = slice * factor + (factor - 1) / 2.0;
            var weights = Enumerable
                .Range(0, slices * factor)
                .Select(k => Math.Exp(-0.5 * Math.Pow((k - centre) / sigma, 2)))
                .ToArray();
            var sum = weights.Sum();
            var target = thick.Voxels.AsSpan(slice * plane, plane);
            for (var k = 0; k < weights.Length; k++)
            {
                if (weights[k] > 1e-6)
                {
                    TensorPrimitives.MultiplyAdd(
                        truth.Voxels.AsSpan(k * plane, plane),
                        (float)(weights[k] / sum),
                        target,
                        target
                    );
                }
            }
        }
        return (thick, truth);
    }

    /// <summary>First and last voxel along each axis that is brighter than a tenth of the 99th percentile.</summary>
    private static (int From, int To)[] Head(Volume<float> scan)
    {
        var threshold = 0.1f * Intensities.Percentiles(scan.Voxels, 99)[0];
        var (sizeI, sizeJ, sizeK) = scan.Geometry.Shape;
        var box = new (int From, int To)[] { (sizeI, -1), (sizeJ, -1), (sizeK, -1) };
        for (var n = 0; n < scan.Voxels.Length; n++)
        {
            if (scan.Voxels[n] > threshold)
            {
                int[] at = [n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ)];
                for (var axis = 0; axis < 3; axis++)
                {
                    box[axis] = (
                        Math.Min(box[axis].From, at[axis]),
                        Math.Max(box[axis].To, at[axis])
                    );
                }
            }
        }
        return box;
    }

    /// <summary>The head, and the range of its intensities: its largest less its least.</summary>
    private static (Volume<float> Volume, double Range) Crop(
        Volume<float> scan,
        (int From, int To)[] box
    )
    {
        var (i, j, k) = (
            box[0].To - box[0].From + 1,
            box[1].To - box[1].From + 1,
            box[2].To - box[2].From + 1
        );
        var crop = new Volume<float>(VolumeGeometry.Ras((i, j, k), scan.Geometry.Spacing));
        for (var z = 0; z < k; z++)
        {
            for (var y = 0; y < j; y++)
            {
                var from =
                    ((z + box[2].From) * scan.Geometry.Shape.J + y + box[1].From)
                        * scan.Geometry.Shape.I
                    + box[0].From;
                scan.Voxels.AsSpan(from, i).CopyTo(crop.Voxels.AsSpan((z * j + y) * i, i));
            }
        }
        return (
            crop,
            TensorPrimitives.Max<float>(crop.Voxels) - TensorPrimitives.Min<float>(crop.Voxels)
        );
    }

    /// <summary>Mean structural similarity (Wang et al. 2004) in 3D: Gaussian window of 1.5 voxels, K₁ 0.01, K₂ 0.03.</summary>
    private static double StructuralSimilarity(Volume<float> x, Volume<float> y, double range)
    {
        var (c1, c2) = (Math.Pow(0.01 * range, 2), Math.Pow(0.03 * range, 2));
        var (mx, my) = (Smooth(x.Voxels, x.Voxels, false), Smooth(y.Voxels, y.Voxels, false));
        var (xx, yy, xy) = (
            Smooth(x.Voxels, x.Voxels, true),
            Smooth(y.Voxels, y.Voxels, true),
            Smooth(x.Voxels, y.Voxels, true)
        );
        double sum = 0;
        for (var n = 0; n < mx.Length; n++)
        {
            var (a, b) = ((double)mx[n], (double)my[n]);
            var (va, vb, vab) = (xx[n] - a * a, yy[n] - b * b, xy[n] - a * b);
            sum +=
                (2 * a * b + c1)
                * (2 * vab + c2)
                / ((a * a + b * b + c1) * (Math.Max(0, va) + Math.Max(0, vb) + c2));
        }
        return sum / mx.Length;

        float[] Smooth(float[] first, float[] second, bool product)
        {
            var volume = new Volume<float>(x.Geometry);
            if (product)
            {
                TensorPrimitives.Multiply(first, second, volume.Voxels);
            }
            else
            {
                first.CopyTo(volume.Voxels, 0);
            }
            return Resampler.Gaussian(volume, 1.5 * x.Geometry.Spacing.I).Voxels;
        }
    }
}
