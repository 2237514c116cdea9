using Platform.Inference;
using Platform.Training.Networks;

namespace Platform.Training;

/// <summary>Writes a lesion model as a package.</summary>
public static class LesionPackageWriter
{
    /// <summary>Writes a trained lesion model.</summary>
    /// <inheritdoc cref="PackageWriter.Write(Recipe, StructureTask, RunSummary, string)"/>
    public static void Write(Recipe recipe, LesionTask task, RunSummary run, string folder)
    {
        var (spacing, channels) = (recipe.Generator.SpacingMm, recipe.Generator.Channels);
        var manifest = PackageWriter.Manifest(recipe) with
        {
            Task = ModelTask.Segmentation,
            Input = PackageWriter.Input(recipe, [spacing, spacing, spacing]) with
            {
                Channels = [.. channels.Select(channel => channel.Name)],
                OptionalChannels =
                [
                    .. channels
                        .Where(channel => channel.MissingFraction > 0)
                        .Select(channel => channel.Name),
                ],
            },
            Tiling = new()
            {
                // Half a head at 2 mm: some 2 GB of maps at these widths.
                MaxTile = [150, 150, 150],
                Multiple = DeepMedic.Factor,
                Halo = DeepMedic.Halo,
                SkipBackground = true,
            },
            Labels = [.. ReferenceSetBuilder.Labels(recipe.Structures)],
            // Where the network also knows the brain, what is detached from it is no lesion.
            LargestForegroundOnly = recipe.Structures.Any(s => s.Value == 0),
            Routing = new()
            {
                MinSpacingMm = 0.4,
                MaxSpacingMm = 6.5,
                MinExtentMm = 90,
                MaxExtentMm = 400,
            },
            IntendedUse =
                "Outlines bright lesions of the brain on adult FLAIR MRI, with T1-weighted MRI where there is one, for research; not for diagnosis, children or other contrasts.",
        };
        var (alone, both) = (
            task.HeldOutAgreement(withOptional: false),
            task.HeldOutAgreement(withOptional: true)
        );
        PackageWriter.Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Segments lesions of the brain on FLAIR, on a {spacing} mm grid; T1 is a second channel that may be missing.

            ## Intended use
            {manifest.IntendedUse} Nothing predicts the quality of its results yet.

            ## How it was made
            {PackageWriter.Origin(recipe, run)}

            The images are synthetic: lesions are painted into label maps (focal ones of the white matter, bands along the ventricles;
            in {PackageWriter.Share(
                recipe.Lesions!.InfarctFraction
            )} of the heads an infarct of real shape, in {PackageWriter.Share(
                recipe.Lesions.TumourFraction
            )} a tumour in its oedema), which are deformed and imaged as FLAIR and T1 at once.
            No scan of a person was used to train or to choose anything.

            The network is DeepMedic with residual connections: two pathways of {string.Join(
                ", ",
                recipe.Network.Widths
            )} maps, one over every third voxel, and {recipe.Network.OutputWidth} maps in the classifier. Convolutions do not pad: tiles agree with the whole volume.
            A missing channel is zero everywhere after normalisation.

            ## Held-out synthetic heads
            {run.HeldOutHeads} heads from the {recipe.Optimisation.HeldOutMaps.Count} label maps that training never saw.

            | | Dice | lesions found | false a head |
            |---|---|---|---|
            | FLAIR alone | {Row(alone)} |
            | FLAIR and T1 | {Row(both)} |

            ## Real scans
            <!-- bench:accuracy -->
            Not measured yet: `./platform bench accuracy` fills this in.
            <!-- /bench:accuracy -->

            ## Where it fails
            - Lesions darker than white matter on FLAIR (old infarcts, cysts), of the cerebellum, brain stem and spinal cord: hardly any were simulated.
            - Lesions smaller than a voxel of {spacing} mm.
            - Tumours push the brain aside and bleed: the simulated ones do neither.
            """,
            folder
        );

        static string Row(SyntheticAgreement a) =>
            $"{PackageWriter.Text(a.Dice)} | {PackageWriter.Text(a.Sensitivity, 2)} | {PackageWriter.Text(a.FalsePositives, 1)}";
    }
}
