using Platform.Inference;

namespace Platform.Training;

/// <summary>Writes models of the heart as packages.</summary>
public static class HeartPackageWriter
{
    private const double Pass = 0.7,
        Review = 0.5;

    /// <summary>Time series of thick slices: a cine, whatever its direction.</summary>
    private static readonly RoutingPredicate CineRouting = new()
    {
        MinSpacingMm = 0.5,
        MaxSpacingMm = 13,
        MinExtentMm = 40,
        MaxExtentMm = 500,
        MinAnisotropy = 2.5,
        MinThicknessMm = 4,
        MinFrames = 2,
        MaxFrames = 64,
    };

    /// <summary>Writes a trained model of short-axis stacks.</summary>
    /// <inheritdoc cref="PackageWriter.Write(Recipe, StructureTask, RunSummary, string)"/>
    public static void Write(Recipe recipe, StructureTask task, RunSummary run, string folder)
    {
        var (spacing, heart) = (recipe.Generator.SpacingMm, recipe.Heart!);
        var multiple = 1 << (recipe.Network.Widths.Count - 1);
        var (usual, any) = (task.HeldOutDice(t1Fraction: 1), task.HeldOutDice(t1Fraction: 0));
        var manifest = PackageWriter.Manifest(recipe) with
        {
            Task = ModelTask.Segmentation,
            Input = PackageWriter.Input(recipe, [spacing, spacing, 0]) with
            {
                Channels = ["cine"],
                Orientation = SliceAxis.Last,
            },
            Tiling = new()
            {
                // A whole chest at 1.5 mm: one tile needs no halo.
                MaxTile = [288, 288, 160],
                Multiple = multiple,
                Halo = (task.Network.Reach / multiple + 1) * multiple,
            },
            Labels = [.. ReferenceSetBuilder.Labels(recipe.Structures)],
            LargestForegroundOnly = true,
            Routing = CineRouting,
            Quality = new()
            {
                Agreement = SegmentationAgreement.Alterations,
                PassDice = Pass,
                ReviewDice = Review,
            },
            IntendedUse =
                "Outlines the ventricles and the left myocardium on short-axis cine MRI of adults, frame by frame, for research and quality control; not for diagnosis.",
        };
        var rows = recipe.Structures.Select(
            (s, n) =>
                $"| {s.Name} | {PackageWriter.Text(usual[n])} | {PackageWriter.Text(any[n])} |"
        );
        PackageWriter.Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Segments the left ventricle's cavity, its myocardium and the right ventricle's cavity on short-axis cine MRI, each frame by itself, at {spacing} mm within the slices as they are.

            ## Intended use
            {manifest.IntendedUse} Papillary muscles and trabeculae count as cavity.

            ## How it was made
            {Origin(recipe, run)}

            The images are synthetic: a parametric beating heart in a parametric chest, imaged as a balanced steady-state sequence does, in slices {heart.SliceDistanceMm[
                0
            ]}–{heart.SliceDistanceMm[
                1
            ]} mm apart that shift against each other by {heart.SliceShiftMm} mm (standard deviation);
            {PackageWriter.Share(heart.ThinFraction)} have slices of {heart.ThinMm} mm, {PackageWriter.Share(heart.AnyContrastFraction)} any contrast at all. Stacks are turned by any angle and mirrored.
            No scan of a person was used to train or to choose anything.

            The network is a U-Net with {string.Join(
                ", ",
                recipe.Network.Widths
            )} maps that halves the resolution within slices only; the first {recipe.Network.FlatLevels} levels look at each slice by itself.

            ## Held-out synthetic hearts
            {run.HeldOutHeads} stacks drawn anew; Dice where the structure is there.

            | structure | as cine MRI | any contrast |
            |---|---|---|
            {string.Join('\n', rows)}

            ## Real scans
            <!-- bench:accuracy -->
            Not measured yet: `./platform bench accuracy` fills this in.
            <!-- /bench:accuracy -->

            ## Where it fails
            - At the base the end of the ventricle is a matter of convention: slices through the outflow tract and the atria are where it errs most.
            - Long-axis views, late enhancement, congenital disease, pacemakers: none were simulated.
            - Frames are independent: nothing holds a volume curve together but the images.
            """,
            folder
        );
    }

    /// <summary>Writes a trained super-resolution model of short-axis stacks.</summary>
    /// <inheritdoc cref="PackageWriter.Write(Recipe, StructureTask, RunSummary, string)"/>
    public static void Write(Recipe recipe, SuperResolutionTask task, RunSummary run, string folder)
    {
        var (slices, heart) = (recipe.Slices!, recipe.Heart!);
        var manifest = PackageWriter.Manifest(recipe) with
        {
            Task = ModelTask.SuperResolution,
            Input = PackageWriter.Input(recipe, null) with { Channels = ["cine"] },
            Tiling = new()
            {
                MaxTile = [160, 160, 40],
                Multiple = 1,
                Halo = 2 * recipe.Network.Widths.Count,
            },
            SuperResolution = new() { Factor = slices.Factor, SliceProfileFwhm = 1 },
            Routing = CineRouting,
            IntendedUse =
                "Thinner slices from short-axis cine MRI of adults, for segmentation and viewing beside the original; never for diagnosis: detail it adds is learned, not measured.",
        };
        var fidelity = task.HeldOut(recipe.Optimisation.HeldOutHeads);
        PackageWriter.Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Makes {slices.Factor} thin slices of each thick one in short-axis cine MRI, frame by frame: predicts the residual that is added to cubic B-spline interpolation (Oktay et al. 2016).

            ## Intended use
            {manifest.IntendedUse}

            ## How it was made
            {Origin(recipe, run)}

            Truth is a synthetic heart in its chest at {recipe.Generator.SpacingMm} × {recipe.Generator.SpacingMm} × {heart.ThinMm} mm; the input is that blurred along the slices with a Gaussian of
            {slices.ProfileFwhm[0]}–{slices.ProfileFwhm[1]} slice distances (full width at half maximum), one slice in {slices.Factor} kept, each moved within its plane by {slices.ShiftMm} mm (standard deviation), with noise.
            No scan of a person was used. The network has {recipe.Network.Widths[0]} maps in {2
                * (recipe.Network.Widths.Count - 1)
                + 1} convolutions where slices are thick, a learned deconvolution, and one convolution where they are thin.{PackageWriter.UncertaintyOf(slices)}

            ## Held-out synthetic hearts
            {run.HeldOutHeads} hearts drawn anew, in a box around the ventricles. The peak of PSNR is the range of the truth; SSIM has a 3D Gaussian window of 1.5 voxels.

            | | PSNR, dB | SSIM |
            |---|---|---|
            | cubic B-spline | {PackageWriter.Text(fidelity.SplinePsnr, 2)} | {PackageWriter.Text(fidelity.SplineSsim, 4)} |
            | {manifest.Name} | {PackageWriter.Text(fidelity.NetworkPsnr, 2)} | {PackageWriter.Text(fidelity.NetworkSsim, 4)} |

            ## Real scans
            <!-- bench:accuracy -->
            Not measured yet: `./platform bench accuracy` fills this in.
            <!-- /bench:accuracy -->

            ## Where it fails
            - The phantom is smooth: valves, vessels of the heart and fine trabeculae are a guess.
            - Slices that moved by more than a few mm, gaps between slices, and profiles far from Gaussian were not simulated.
            - Long axes, late enhancement, other organs.
            """,
            folder
        );
    }

    private static string Origin(Recipe recipe, RunSummary run) =>
        $"`{run.Command}`: {run.Steps} of {recipe.Optimisation.Steps} steps of {recipe.Optimisation.PatchesPerStep} patches of {string.Join('×', recipe.Optimisation.Patch)} voxels, seed {recipe.Seed}, Adam. {run.Hardware}. Weights are a moving average.";
}
