using Platform.Imaging;

namespace Platform.Training.Adaptation;

/// <summary>Reads the unlabelled scans of one site and scanner: a NIfTI file a study, any orientation and spacing.</summary>
public static class TargetFolder
{
    /// <summary>Reads every *.nii, *.nii.gz and *.nii.zst, in the order of their names.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="recipe">Grid, normalisation, and how many studies there must be.</param>
    /// <exception cref="InvalidDataException">The recipe has no adaptation, there is no such folder, or too few studies in it.</exception>
    /// <exception cref="VolumeException">A scan cannot be read, or has no contrast.</exception>
    public static IReadOnlyList<CentredHead> Read(string folder, Recipe recipe)
    {
        var least =
            recipe.Adaptation?.LeastStudies
            ?? throw new InvalidDataException($"recipe {recipe.Name}: adaptation: missing");
        if (!Directory.Exists(folder))
        {
            throw new InvalidDataException($"--target {folder}: there is no such folder");
        }
        var files = Directory
            .EnumerateFiles(folder)
            .Where(f => f.EndsWith(".nii") || f.EndsWith(".nii.gz") || f.EndsWith(".nii.zst"))
            .Order(StringComparer.Ordinal)
            .ToList();
        return files.Count >= least
            ? [.. files.Select(file => Read(ReadImage(file), recipe))]
            : throw new InvalidDataException(
                $"--target {folder}: {files.Count} scans (.nii, .nii.gz, .nii.zst) where at least {least} are needed: of fewer studies the adversary learns the persons, not the scanner"
            );
    }

    /// <summary>A scan on the network's grid.</summary>
    /// <param name="image">The scan.</param>
    /// <param name="recipe">Grid and normalisation.</param>
    /// <param name="labels">Target classes on the scan's grid; null where they are unknown.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static CentredHead Read(Volume<float> image, Recipe recipe, Volume<byte>? labels = null)
    {
        var mm = recipe.Generator.SpacingMm;
        var upright = Orienter.ToOrientation(image, "RAS");
        var grid = Resampler.ToSpacing(upright.Geometry, (mm, mm, mm));
        return CentredHead.Of(
            Resampler.Linear(upright, grid),
            labels is null ? null : Resampler.Nearest(labels, grid).Voxels,
            recipe.Optimisation.Percentiles
        );
    }

    private static Volume<float> ReadImage(string file)
    {
        using var stream = File.OpenRead(file);
        return NiftiReader.ReadImage(stream);
    }
}
