using System.Globalization;
using System.Text;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training;
using Platform.Training.Synthesis;

namespace Platform.Benchmarks;

/// <summary>
/// What super-resolution is worth to segmentation (the experiment of Oktay et al. 2016): short-axis stacks segmented as they are, interpolated by cubic
/// B-splines, and super-resolved, against phantom truth on the thin slices and against the contours of real patients on the thick ones. Then the fidelity of
/// super-resolution on phantoms, and on real images along a direction within their slices, where the truth is known.
/// </summary>
internal static class AccuracyCardiacSlices
{
    private const int Hearts = 12;
    private const long Seed = 990_000;
    private static readonly string[] Structures = ["cavity", "myocardium", "right ventricle"];

    /// <summary>Noise of a phantom's thick slices, relative to blood at 1.</summary>
    private const double Noise = 0.03;

    private delegate Volume<float> Refine(Volume<float> thick);

    /// <param name="models">The installed models.</param>
    /// <param name="packages">The folder that holds models/.</param>
    /// <param name="segmentation">The cardiac segmentation model.</param>
    /// <param name="truths">Paths of the patients' contours.</param>
    /// <param name="table">Gets the figures.</param>
    /// <returns>Whether super-resolution is at least 2 dB over interpolation, and more alike, on every phantom; null where no such model is installed.</returns>
    public static bool? Measure(
        ModelRepository models,
        string packages,
        OnnxModel segmentation,
        IReadOnlyList<string> truths,
        BenchTable table
    )
    {
        var manifest = models
            .ListAsync(default)
            .GetAwaiter()
            .GetResult()
            .LastOrDefault(m =>
                m.Task == ModelTask.SuperResolution && m.Input.Channels is ["cine"]
            );
        if (manifest is null)
        {
            Console.Error.WriteLine("bench: no cardiac super-resolution model is installed");
            return null;
        }
        using var model = new OnnxModel(
            models.LoadAsync(manifest.Id, default).GetAwaiter().GetResult()
        );
        var resolver = new SuperResolver(model);
        var factor = manifest.SuperResolution!.Factor;
        (string Name, Refine Of)[] arms =
        [
            ("as acquired", thick => thick),
            ("interpolated", thick => Interpolate(thick, factor)),
            ("super-resolved", thick => resolver.Run(thick).Volume),
        ];
        var segmenter = new Segmenter(segmentation);
        var dice = arms.Select(_ => new double[Structures.Length]).ToArray();
        List<Fidelity> phantoms = [];
        for (var n = 0; n < Hearts; n++)
        {
            var (thick, truth, labels) = Phantom(factor, n);
            for (var arm = 0; arm < arms.Length; arm++)
            {
                var found = Resampler.Nearest(
                    segmenter.Run(arms[arm].Of(thick)).Volume,
                    labels.Geometry
                );
                for (var s = 0; s < Structures.Length; s++)
                {
                    dice[arm][s] += LabelMeasures.Dice(found, labels, (byte)(s + 1)) / Hearts;
                }
            }
            phantoms.Add(Fidelity.Of(truth, arms[1].Of(thick).Voxels, arms[2].Of(thick).Voxels));
        }
        var real = arms.Select(arm => Real(truths, arm.Of, segmenter)).ToArray();
        var within = truths.Select(path => WithinPlane(path, factor, resolver)).ToList();
        var text = new StringBuilder(
            $"""
            {Hearts} phantoms drawn anew, segmented by {segmentation.Manifest.Id} and compared on slices of 2 mm; three real patients at their contoured phases, compared on the slices as they were acquired. Dice.

            | slices | {string.Join(
                " | ",
                Structures.Select(s => $"phantom: {s}")
            )} | real: cavity | myocardium |
            |---|---|---|---|---|---|

            """
        );
        for (var arm = 0; arm < arms.Length; arm++)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {arms[arm].Name} | {dice[arm][0]:f3} | {dice[arm][1]:f3} | {dice[arm][2]:f3} | {real[arm].Cavity:f3} | {real[arm].Myocardium:f3} |"
            );
            table.Add($"phantom {arms[arm].Name}: cavity", dice[arm][0], "Dice");
            table.Add($"phantom {arms[arm].Name}: myocardium", dice[arm][1], "Dice");
            table.Add($"patients {arms[arm].Name}: cavity", real[arm].Cavity, "Dice");
            table.Add($"patients {arms[arm].Name}: myocardium", real[arm].Myocardium, "Dice");
        }
        var (gain, least) = (
            phantoms.Average(f => f.NetworkPsnr - f.SplinePsnr),
            phantoms.Min(f => f.NetworkPsnr - f.SplinePsnr)
        );
        var similar = phantoms.All(f => f.NetworkSsim > f.SplineSsim);
        text.AppendLine();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Phantoms, within a box around the ventricles: PSNR **{gain:f2} dB** over cubic B-splines (least {least:f2}), SSIM {phantoms.Average(f => f.NetworkSsim):f4} against {phantoms.Average(f => f.SplineSsim):f4}, higher in {phantoms.Count(f => f.NetworkSsim > f.SplineSsim)} of {Hearts}."
        );
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Real images along a direction within their slices, thinned {factor} times: {string.Join("; ", within.Select(f => $"{f.NetworkPsnr:f2} against {f.SplinePsnr:f2} dB, SSIM {f.NetworkSsim:f4} against {f.SplineSsim:f4}"))}."
        );
        table.Add("cardiac super-resolution over cubic, phantoms", gain, "dB");
        table.Add("the least of them", least, "dB");
        table.Add(
            "cardiac super-resolution over cubic, within real slices",
            within.Average(f => f.NetworkPsnr - f.SplinePsnr),
            "dB"
        );
        ModelCard.Rewrite(packages, manifest, text.ToString());
        return least >= 2 && similar;
    }

    private static Volume<float> Interpolate(Volume<float> thick, int factor) =>
        Resampler.CubicBSpline(thick, SuperResolver.FineGeometry(thick.Geometry, factor));

    private static (Volume<float> Thick, ThinSlices Truth, Volume<byte> Labels) Phantom(
        int factor,
        int n
    )
    {
        var recipe = RecipeFile.Read<Recipe>(
            Path.Combine(
                BenchTable.RepositoryRoot(),
                "services/training/recipes/cardiac-super-resolution.json"
            )
        );
        var hearts = new ThinHearts(
            recipe with
            {
                Heart = recipe.Heart! with { AnyContrastFraction = 0 },
            }
        );
        var (truth, labels) = hearts.DrawLabelled(new(Seed, n));
        var thick = Thin(truth.Image, factor);
        Acquisition.AddNoise(thick.Voxels, Noise, new(Seed + 1, n));
        return (thick, truth, new(truth.Image.Geometry, labels));
    }

    /// <summary>Blurred along k with a Gaussian as wide as the slices are apart, one slice in so many kept.</summary>
    private static Volume<float> Thin(Volume<float> truth, int factor)
    {
        var (shape, spacing) = (truth.Geometry.Shape, truth.Geometry.Spacing);
        var blurred = Filters.Gaussian(
            truth.Voxels,
            shape,
            2,
            factor / SliceProfile.DeviationsPerFwhm
        );
        var slices = shape.K / factor;
        return new(
            VolumeGeometry.Ras(
                (shape.I, shape.J, slices),
                (spacing.I, spacing.J, spacing.K * factor),
                (0, 0, (factor - 1) / 2.0 * spacing.K)
            ),
            Filters.SampleAt(blurred, shape, 2, slices, s => (s + 0.5) * factor - 0.5)
        );
    }

    private static (double Cavity, double Myocardium) Real(
        IReadOnlyList<string> truths,
        Refine refine,
        Segmenter segmenter
    )
    {
        List<double> cavity = [],
            myocardium = [];
        foreach (var (image, truth) in truths.SelectMany(AccuracyCardiac.Frames))
        {
            if (truth.Voxels.AsSpan().IndexOf(AccuracyCardiac.Cavity) < 0)
            {
                continue;
            }
            var found = Resampler.Nearest(segmenter.Run(refine(image)).Volume, truth.Geometry);
            cavity.Add(LabelMeasures.Dice(found, truth, AccuracyCardiac.Cavity));
            if (truth.Voxels.AsSpan().IndexOf(AccuracyCardiac.Myocardium) >= 0)
            {
                myocardium.Add(LabelMeasures.Dice(found, truth, AccuracyCardiac.Myocardium));
            }
        }
        return (cavity.Average(), myocardium.Average());
    }

    /// <summary>A patient's first frame, thinned along an axis within its slices as if that were the axis of slices.</summary>
    private static Fidelity WithinPlane(string truthPath, int factor, SuperResolver resolver)
    {
        var image = AccuracyCardiac.Frames(truthPath).First().Image;
        var slicesLast = Orienter.ToOrientation(image, SliceAxis.OrientationOf(image.Geometry));
        var ((width, height, slices), spacing) = (
            slicesLast.Geometry.Shape,
            slicesLast.Geometry.Spacing.I
        );
        height = height / factor * factor;
        var turned = new Volume<float>(
            VolumeGeometry.Ras((width, slices, height), (spacing, spacing, spacing))
        );
        for (var k = 0; k < slices; k++)
        {
            for (var j = 0; j < height; j++)
            {
                for (var i = 0; i < width; i++)
                {
                    turned[i, k, j] = slicesLast[i, j, k];
                }
            }
        }
        var thick = Thin(turned, factor);
        return Fidelity.Of(
            new(turned, default, turned.Geometry.Shape),
            Interpolate(thick, factor).Voxels,
            resolver.Run(thick).Volume.Voxels
        );
    }
}
