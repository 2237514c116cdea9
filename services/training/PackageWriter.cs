using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Inference;

namespace Platform.Training;

/// <summary>Writes a model package: model.onnx, model.json with its digest, card.md.</summary>
public static class PackageWriter
{
    /// <summary>Thresholds of predicted Dice: the model's, and the largest of any structure.</summary>
    private const double Pass = 0.7,
        Review = 0.5;

    /// <summary>
    /// States the thresholds of the structures that the network itself does not reach 0.8 on: pass from 0.1 below the held-out Dice, at least
    /// 0.3, review from 0.2 below that. What the recipe states stays; a structure no held-out head shows takes the model's.
    /// </summary>
    /// <param name="structures">The recipe's.</param>
    /// <param name="heldOutDice">Mean Dice a structure on held-out synthetic heads; NaN where none shows it.</param>
    public static IReadOnlyList<Structure> WithThresholds(
        IReadOnlyList<Structure> structures,
        IReadOnlyList<double> heldOutDice
    ) =>
        [
            .. structures.Select(
                (structure, n) =>
                {
                    var reached = double.IsNaN(heldOutDice[n]) ? 1 : heldOutDice[n];
                    var pass =
                        structure.PassDice ?? Math.Round(Math.Clamp(reached - 0.1, 0.3, Pass), 2);
                    var review = structure.ReviewDice ?? Math.Round(Math.Max(0, pass - 0.2), 2);
                    return (pass, review) == (Pass, Review)
                        ? structure
                        : structure with
                        {
                            PassDice = pass,
                            ReviewDice = review,
                        };
                }
            ),
        ];

    /// <summary>Writes a trained segmentation model.</summary>
    /// <param name="recipe">What was trained.</param>
    /// <param name="task">The network, with its averaged weights.</param>
    /// <param name="run">How it was trained.</param>
    /// <param name="folder">Made where missing.</param>
    public static void Write(Recipe recipe, StructureTask task, RunSummary run, string folder)
    {
        var spacing = recipe.Generator.SpacingMm;
        var multiple = 1 << (recipe.Network.Widths.Count - 1);
        // Thresholds are for the contrast the model is meant for.
        var dice = task.HeldOutDice(t1Fraction: 1);
        var anyContrast = task.HeldOutDice(t1Fraction: 0);
        var structures = WithThresholds(recipe.Structures, dice);
        var manifest = Manifest(recipe) with
        {
            Task = ModelTask.Segmentation,
            Input = Input(recipe, [spacing, spacing, spacing]),
            Tiling = new()
            {
                // A whole head with its neck: one tile needs no halo.
                MaxTile = [144, 176, 192],
                Multiple = multiple,
                Halo = (task.Network.Reach / multiple + 1) * multiple,
            },
            Labels = [.. ReferenceSetBuilder.Labels(structures)],
            LargestForegroundOnly = true,
            Routing = new()
            {
                MinSpacingMm = 0.4,
                MaxSpacingMm = 6.5,
                MinExtentMm = 90,
                MaxExtentMm = 400,
            },
            Quality = new()
            {
                References = "brain-t1@2",
                Regressor = recipe.Regressor,
                PassDice = Pass,
                ReviewDice = Review,
            },
            IntendedUse =
                "Outlines brain structures on adult T1-weighted MRI for research and quality control; not for diagnosis, tumours, children or other contrasts.",
        };
        var rows = structures.Select(
            (s, n) =>
                $"| {s.Name} | {string.Join(", ", s.Labels.Concat(s.RightLabels))} | {Text(dice[n])} | {Text(anyContrast[n])} | {Text(s.PassDice ?? Pass, 2)} | {Text(s.ReviewDice ?? Review, 2)} |"
        );
        Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Segments {recipe.Structures.Count} brain structures ({manifest.Labels.Count} labels once left and right are told apart) on T1-weighted MRI, on a {spacing} mm grid.

            ## Intended use
            {manifest.IntendedUse} Every result carries a predicted quality; do not use a structure whose verdict is fail.

            ## How it was made
            {Origin(recipe, run)}

            The images are synthetic: label maps are deformed and each tissue gets a random intensity ({Share(
                recipe.Generator.T1Fraction
            )} of the heads around the usual T1 order,
            {FlairShare(recipe.Generator)}{Share(
                1 - recipe.Generator.T1Fraction - recipe.Generator.FlairFraction
            )} anything at all), then come a bias field, gamma, coarser resolution and noise; {Share(
                recipe.Generator.StrippedFraction
            )} of the heads have no skull.{(recipe.Start is { } start ? $" Training began with the weights of {start}." : "")}
            No scan of a person was used to train or to choose anything.

            The network is a U-Net with {string.Join(
                ", ",
                recipe.Network.Widths
            )} maps at {string.Join(
                ", ",
                recipe.Network.Widths.Select((_, n) => spacing * (1 << n))
            )} mm;
            batch normalisation is folded, so tiles agree with the whole volume. It does not tell left from right: the platform does, by the mid-sagittal plane.
            White matter includes lesions and vessels, ventricles include the choroid plexus and the inferior horns, fluid the third and fourth ventricles.

            ## Held-out synthetic heads
            {run.HeldOutHeads} heads from the {recipe.Optimisation.HeldOutMaps.Count} label maps (positions {string.Join(
                ", ",
                recipe.Optimisation.HeldOutMaps
            )} in the folder) that training never saw; mean Dice {Text(dice.Average())} with T1-like contrast,
            {Text(anyContrast.Average())} where every tissue's mean is uniform, so that some neighbours look alike.

            | structure | label values | Dice, T1-like | any contrast | pass from | review from |
            |---|---|---|---|---|---|
            {string.Join('\n', rows)}

            A structure passes from a predicted Dice of 0.1 below its held-out Dice on T1-like heads, at least 0.3 and at most {Pass}, and is reviewed from 0.2 below that:
            where the network agrees less with known labels, an ordinary case cannot be asked for more. Real scans had no part in the thresholds.

            ## Real scans
            <!-- bench:accuracy -->
            Not measured yet: `./platform bench accuracy` fills this in.
            <!-- /bench:accuracy -->

            ## Where it fails
            - Tumours, large lesions, resections, implants: there were none in training.
            - Children, infants, fetuses: the label maps are of adults.
            - Thin structures (cortex, the inferior horns) suffer from the {spacing} mm grid; accumbens and amygdala are a few dozen voxels.
            - CT and T1 after contrast agent were not simulated. {(
                recipe.Generator.T1Fraction < 1
                    ? "T2 and FLAIR are within what was, but nobody chose it for them"
                    : "T2 and FLAIR were not either"
            )}.
            """,
            folder
        );
    }

    /// <summary>Writes a trained super-resolution model.</summary>
    /// <inheritdoc cref="Write(Recipe, StructureTask, RunSummary, string)"/>
    public static void Write(Recipe recipe, SuperResolutionTask task, RunSummary run, string folder)
    {
        var slices = recipe.Slices!;
        var manifest = Manifest(recipe) with
        {
            Task = ModelTask.SuperResolution,
            Input = Input(recipe, null),
            Tiling = new()
            {
                MaxTile = [112, 112, 64],
                Multiple = 1,
                // One voxel a convolution: the first, two a pair, the last.
                Halo = 2 * recipe.Network.Widths.Count,
            },
            SuperResolution = new() { Factor = slices.Factor, SliceProfileFwhm = 1 },
            Routing = new()
            {
                MinSpacingMm = 0.4,
                MaxSpacingMm = 6.5,
                MinExtentMm = 90,
                MaxExtentMm = 400,
                MinAnisotropy = 2.5,
                MinThicknessMm = 2.9,
            },
            IntendedUse =
                "Thinner slices from thick-slice adult brain T1-weighted MRI, for segmentation and viewing beside the original; never for diagnosis: detail it adds is learned, not measured.",
        };
        var fidelity = task.HeldOut(recipe.Optimisation.HeldOutHeads);
        Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Makes {slices.Factor} thin slices of each thick one in brain T1-weighted MRI: predicts the residual that is added to cubic B-spline interpolation.

            ## Intended use
            {manifest.IntendedUse}

            ## How it was made
            {Origin(recipe, run)}

            Truth is a synthetic T1-like head at {recipe.Generator.SpacingMm} mm; the input is that head blurred along the slice axis with a Gaussian of
            {slices.ProfileFwhm[0]}–{slices.ProfileFwhm[
                1
            ]} slice distances (full width at half maximum), one slice in {slices.Factor} kept, with noise. Axial, coronal and sagittal slices alike.
            No scan of a person was used. The network has {recipe.Network.Widths[0]} maps in {2
                * (recipe.Network.Widths.Count - 1)
                + 1} convolutions where slices are thick,
            a learned deconvolution, and one convolution where they are thin.{UncertaintyOf(slices)}

            ## Held-out synthetic heads
            {run.HeldOutHeads} crops from the {recipe.Optimisation.HeldOutMaps.Count} label maps that training never saw. The peak of PSNR is the range of the truth; SSIM has a 3D Gaussian window of 1.5 voxels.

            | | PSNR, dB | SSIM |
            |---|---|---|
            | cubic B-spline | {Text(fidelity.SplinePsnr, 2)} | {Text(fidelity.SplineSsim, 4)} |
            | {manifest.Name} | {Text(fidelity.NetworkPsnr, 2)} | {Text(fidelity.NetworkSsim, 4)} |

            ## Real scans
            <!-- bench:accuracy -->
            Not measured yet: `./platform bench accuracy` fills this in.
            <!-- /bench:accuracy -->

            ## Where it fails
            - Synthetic heads have no vessels, lesions or cortical layers: what it adds there is a guess from tissue borders.
            - Slices that moved against each other, gaps between slices, and profiles far from Gaussian were not simulated.
            - Other contrasts, other organs, children.
            """,
            folder
        );
    }

    internal static ModelManifest Manifest(Recipe recipe) =>
        new()
        {
            Name = recipe.Name,
            Version = recipe.Version,
            Task = default,
            Sha256 = "",
            Input = null!,
            Tiling = null!,
            Routing = null!,
            IntendedUse = "",
        };

    internal static ModelInput Input(Recipe recipe, IReadOnlyList<double>? spacingMm) =>
        new()
        {
            Channels = ["T1"],
            SpacingMm = spacingMm,
            Normalisation = new()
            {
                LowPercentile = recipe.Optimisation.Percentiles[0],
                HighPercentile = recipe.Optimisation.Percentiles[1],
            },
        };

    internal static string Origin(Recipe recipe, RunSummary run)
    {
        var settings = recipe.Optimisation;
        var maps = run.LabelMaps - settings.HeldOutMaps.Count;
        var patches =
            settings.PatchesPerStep == 1 ? "one patch" : $"{settings.PatchesPerStep} patches";
        return $"`{run.Command}`: {run.Steps} of {settings.Steps} steps of {patches} of {string.Join('×', settings.Patch)} voxels, seed {recipe.Seed}, Adam,\n"
            + $"from {maps} label maps of adult and elderly heads (FreeSurfer values and extra-cerebral tissue, Apache-2.0). {run.Hardware}. Weights are a moving average.";
    }

    /// <summary>What a card says of a second output.</summary>
    internal static string UncertaintyOf(SliceSettings slices) =>
        slices.Uncertainty
            ? " Its second output is the mean absolute error it expects of every voxel (Kendall and Gal 2017)."
            : "";

    private static string FlairShare(Synthesis.GeneratorSettings generator) =>
        generator.FlairFraction > 0
            ? $"{Share(generator.FlairFraction)} around that of FLAIR, "
            : "";

    internal static string Share(double fraction) =>
        $"{Math.Round(100 * fraction).ToString(CultureInfo.InvariantCulture)} %";

    internal static string Text(double value, int digits = 3) =>
        value.ToString($"f{digits}", CultureInfo.InvariantCulture);

    internal static void Write(ModelManifest manifest, byte[] onnx, string card, string folder)
    {
        Directory.CreateDirectory(folder);
        var digest = Convert.ToHexStringLower(SHA256.HashData(onnx));
        File.WriteAllBytes(Path.Combine(folder, "model.onnx"), onnx);
        File.WriteAllText(
            Path.Combine(folder, "model.json"),
            JsonSerializer.Serialize(manifest with { Sha256 = digest }, ManifestReader.Options)
                + "\n"
        );
        File.WriteAllText(Path.Combine(folder, "card.md"), card + "\n", new UTF8Encoding(false));
    }
}

/// <summary>How a package came to be.</summary>
/// <param name="Command">Command line that repeats it.</param>
/// <param name="Hardware">What the network was trained on.</param>
/// <param name="Steps">Steps trained.</param>
/// <param name="LabelMaps">Maps read, held-out ones included.</param>
/// <param name="HeldOutHeads">Synthetic heads in the held-out figures.</param>
public sealed record RunSummary(
    string Command,
    string Hardware,
    int Steps,
    int LabelMaps,
    int HeldOutHeads
);
