using Platform.Inference;
using static Platform.Training.PackageWriter;

namespace Platform.Training;

/// <summary>Writes the package of a quality regressor.</summary>
public static class QualityPackageWriter
{
    /// <summary>Writes a trained quality regressor.</summary>
    /// <param name="recipe">What was trained.</param>
    /// <param name="task">The network, with its averaged weights.</param>
    /// <param name="run">How it was trained.</param>
    /// <param name="folder">Made where missing.</param>
    public static void Write(Recipe recipe, QualityTask task, RunSummary run, string folder)
    {
        var spacing = recipe.Generator.SpacingMm;
        var input = Input(recipe, [spacing, spacing, spacing]);
        var manifest = Manifest(recipe) with
        {
            Task = ModelTask.QualityRegression,
            Input = input with { Channels = [.. input.Channels, "labels"] },
            Tiling = new()
            {
                MaxTile = [144, 176, 192],
                Multiple = 1 << recipe.Network.Widths.Count,
                Halo = 0,
            },
            Labels =
            [
                .. task.Labels.Select(
                    (label, n) =>
                        new ModelLabel
                        {
                            Channel = n + 1,
                            Value = label.Value,
                            Name = label.Name,
                            Snomed = label.Snomed,
                        }
                ),
            ],
            Routing = new()
            {
                MinSpacingMm = 0.4,
                MaxSpacingMm = 6.5,
                MinExtentMm = 90,
                MaxExtentMm = 400,
            },
            IntendedUse =
                $"Predicts the Dice of the structures {task.Judged} outlines on adult T1-weighted MRI, in one run of a small network; not for diagnosis, and no substitute for references where the image is unlike adult heads.",
        };
        var judged = task.HeldOut(recipe.Optimisation.HeldOutHeads);
        double[] errors = [.. judged.Select(j => Math.Abs(j.Predicted - j.Real)).Order()];
        manifest = manifest with
        {
            Regression = new() { Margin = Math.Round(errors[(int)(0.9 * errors.Length)], 3) },
        };
        var rows = task.Labels.Select(
            (label, n) => $"| {label.Name} | {Figures([.. judged.Where(j => j.Structure == n)])} |"
        );
        PackageWriter.Write(
            manifest,
            task.Network.ToOnnx(),
            $"""
            # {manifest.Id}

            Image and labels → the Dice each of {manifest.Labels.Count} structures would have with an expert's outline: direct regression (Robinson et al., MICCAI 2018).

            ## Intended use
            {manifest.IntendedUse}

            ## How it was made
            {Origin(recipe, run)}

            The images are synthetic heads whose labels are known. Nine segmentations in ten are known labels made worse (shifted, bent, eroded, dilated, swapped,
            lost), the tenth what {task.Judged} makes of the head, six in ten of these made worse as well. No scan of a person was used to train or to choose anything.

            The network paints the labels with the mean intensity of each structure and sees image and painting. It is a U-Net with {string.Join(
                ", ",
                recipe.Network.Widths
            )} maps at {string.Join(
                ", ",
                recipe.Network.Widths.Select((_, n) => spacing * (2 << n))
            )} mm, is taught which voxels are labelled wrongly,
            averages its maps inside each structure and around it, and reads the Dice from the averages.

            ## Held-out synthetic heads
            {run.HeldOutHeads} heads from the {recipe.Optimisation.HeldOutMaps.Count} label maps (positions {string.Join(
                ", ",
                recipe.Optimisation.HeldOutMaps
            )} in the folder) that training never saw, {recipe.Optimisation.PatchesPerHead} segmentations each. Structures that a segmentation lacks are left out: their Dice is 0 without a network.

            Nine predictions in ten are within {Text(manifest.Regression.Margin)} of the real Dice; that is the interval qc reports.

            | structure | segmentations | r | mean error | told right at 0.7 |
            |---|---|---|---|---|
            | **all** | {Figures(judged)} |
            | known labels made worse | {Figures([.. judged.Where(j => !j.Own)])} |
            | by {task.Judged} | {Figures([.. judged.Where(j => j.Own)])} |
            {string.Join('\n', rows)}

            ## Real scans
            `./platform bench rca` prints its figures on real T1s beside those of the references.

            ## Where it fails
            - It learnt from heads like those the judged model learnt from: what deceives the one may deceive the other, and nothing says so. References do not share that.
            - Experts outline by other protocols than the label maps: it predicts agreement with these.
            - Tumours, large lesions, children, other contrasts: there were none in training.
            """,
            folder
        );
    }

    private static string Figures(IReadOnlyList<JudgedStructure> judged)
    {
        double[] predicted = [.. judged.Select(j => j.Predicted)],
            real = [.. judged.Select(j => j.Real)];
        if (judged.Count == 0)
        {
            return "0 | – | – | –";
        }
        var (meanX, meanY) = (predicted.Average(), real.Average());
        var covariance = predicted.Zip(real, (x, y) => (x - meanX) * (y - meanY)).Sum();
        var spread = Math.Sqrt(
            predicted.Sum(x => (x - meanX) * (x - meanX)) * real.Sum(y => (y - meanY) * (y - meanY))
        );
        var error = predicted.Zip(real, (x, y) => Math.Abs(x - y)).Average();
        var right = predicted.Zip(real, (x, y) => x >= 0.7 == y >= 0.7 ? 1.0 : 0).Average();
        return $"{judged.Count} | {Text(spread > 0 ? covariance / spread : 0)} | {Text(error)} | {Share(right)}";
    }
}
