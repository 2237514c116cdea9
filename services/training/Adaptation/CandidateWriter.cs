using System.Security.Cryptography;
using System.Text.Json;
using Platform.Inference;
using Platform.Training.Networks;

namespace Platform.Training.Adaptation;

/// <summary>Writes an adapted segmenter as a candidate: a package that is used only where its full name is asked for.</summary>
public static class CandidateWriter
{
    /// <summary>Writes model.onnx, model.json and card.md, which compares the segmenter before and after.</summary>
    /// <param name="recipe">What was trained.</param>
    /// <param name="task">The network, with its averaged weights.</param>
    /// <param name="run">How it was trained.</param>
    /// <param name="folder">Made where missing.</param>
    public static void Write(Recipe recipe, AdaptationTask task, RunSummary run, string folder)
    {
        var settings = recipe.Adaptation!;
        var (before, after) = (task.Before, task.Measure(Domain.Target));
        task.Finish();
        var manifest = Manifest(recipe);
        var stopped =
            run.Steps < recipe.Optimisation.Steps
                ? $"stopped at step {run.Steps} of {recipe.Optimisation.Steps}: the adversary was at chance and the source was segmented as before"
                : "ran its whole schedule: the adversary never came to chance without cost to the source";
        PackageWriter.Write(
            manifest,
            task.Segmenter.ToOnnx(),
            $"""
            # {manifest.Id}

            A candidate: {recipe.Structures.Count} structures, adapted from labelled synthetic heads of one contrast to {task.TargetScans} unlabelled scans of one site and scanner.
            Nothing routes to a candidate by itself; ask for it as `{manifest.Id}`. To release it, judge it on labelled scans of the site and install it without the suffix.

            ## Intended use
            {manifest.IntendedUse}

            ## How it was made
            {PackageWriter.Origin(recipe, run)}

            Unsupervised domain adaptation (Kamnitsas et al. 2017): an adversary sees the maps of the coarsest level and of every decoder, and its gradient
            reaches the segmenter reversed with weight α, 0 for {PackageWriter.Share(
                settings.AloneUntil
            )} of the steps, then linear to {settings.Weight} at {PackageWriter.Share(
                settings.FullFrom
            )}. As many patches of the target as of the source in every step.
            Weights are shared; the statistics of batch normalisation are each domain's own, and those of the target are exported. The run {stopped}.

            ## Before and after, without a label of the target
            Before: the segmenter when the adversary began, with the source's statistics. Source: {run.HeldOutHeads} synthetic heads of {recipe.Optimisation.HeldOutMaps.Count} label maps never trained on; target: the {task.TargetScans} scans.

            | | before | after |
            |---|---|---|
            | mean Dice, source | {PackageWriter.Text(before.SourceDice)} | {PackageWriter.Text(
                after.SourceDice
            )} |
            | accuracy of the adversary (0.5 is chance) | – | {PackageWriter.Text(
                after.AdversaryAccuracy
            )} |
            | entropy of the predictions in the target, nats | {PackageWriter.Text(
                before.TargetEntropy,
                4
            )} | {PackageWriter.Text(after.TargetEntropy, 4)} |
            | volumes in the target over those of the source's truth, smaller over larger | {PackageWriter.Text(
                before.VolumeAgreement
            )} | {PackageWriter.Text(after.VolumeAgreement)} |

            How it segments the target is not among them: that takes labels. `./platform bench adaptation` measures the method on real scans with labels.
            """,
            folder
        );
    }

    /// <summary>A segmenter of this recipe as a package in memory.</summary>
    public static ModelPackage Package(Recipe recipe, StructureNet network)
    {
        var onnx = network.ToOnnx();
        var manifest = Manifest(recipe) with
        {
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
        };
        return ModelPackage.Load(
            JsonSerializer.SerializeToUtf8Bytes(manifest, ManifestReader.Options),
            onnx
        );
    }

    private static ModelManifest Manifest(Recipe recipe)
    {
        var mm = recipe.Generator.SpacingMm;
        var multiple = 1 << (recipe.Network.Widths.Count - 1);
        return PackageWriter.Manifest(recipe) with
        {
            Version = SemanticVersion.Candidate(recipe.Version),
            Task = ModelTask.Segmentation,
            Input = PackageWriter.Input(recipe, [mm, mm, mm]),
            Tiling = new()
            {
                // A whole head at 3 mm: one tile needs no halo.
                MaxTile = [96, 112, 112],
                Multiple = multiple,
                Halo = multiple,
            },
            Labels = [.. ReferenceSetBuilder.Labels(recipe.Structures)],
            LargestForegroundOnly = true,
            Routing = new()
            {
                MinSpacingMm = 0.4,
                MaxSpacingMm = 6.5,
                MinExtentMm = 90,
                MaxExtentMm = 400,
            },
            IntendedUse =
                "Outlines brain structures on scans of the one site and scanner it was adapted to, for comparison with the live model; not for diagnosis.",
        };
    }
}
