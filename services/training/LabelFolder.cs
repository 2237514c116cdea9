using Platform.Imaging;
using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>Reads a folder of NIfTI label maps, 1 mm, any orientation, in the order of their names.</summary>
public static class LabelFolder
{
    /// <summary>Reads every *.nii, *.nii.gz and *.nii.zst.</summary>
    /// <exception cref="InvalidDataException">No map, or a map that is not at 1 mm.</exception>
    /// <exception cref="VolumeException">A map cannot be read.</exception>
    public static LabelAtlas Read(string folder)
    {
        var files = Directory
            .EnumerateFiles(folder)
            .Where(f => f.EndsWith(".nii") || f.EndsWith(".nii.gz") || f.EndsWith(".nii.zst"))
            .Order(StringComparer.Ordinal)
            .ToArray();
        return files.Length == 0
            ? throw new InvalidDataException(
                "the folder of label maps has no .nii, .nii.gz or .nii.zst"
            )
            : LabelAtlas.Build(files.Select(ReadOne));
    }

    private static ((int, int, int), ushort[], string) ReadOne(string file)
    {
        using var stream = File.OpenRead(file);
        var volume = NiftiReader.Read<ushort>(stream);
        var name = Path.GetFileName(file);
        var (si, sj, sk) = volume.Geometry.Spacing;
        return Math.Max(Math.Abs(si - 1), Math.Max(Math.Abs(sj - 1), Math.Abs(sk - 1))) > 0.05
            ? throw new InvalidDataException(
                $"{name}: spacing {si:g3}×{sj:g3}×{sk:g3} mm; label maps are at 1 mm"
            )
            : Canonical(Orienter.ToOrientation(volume, "RAS"), name);
    }

    private static ((int, int, int), ushort[], string) Canonical(
        Volume<ushort> volume,
        string name
    ) => (volume.Geometry.Shape, volume.Voxels, name);
}
