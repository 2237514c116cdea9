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
            ? throw new InvalidDataException("the folder of label maps has no .nii, .nii.gz or .nii.zst")
            : LabelAtlas.Build(files.Select(Read1));
    }

    private static ((int, int, int), ushort[], string) Read1(string file)
    {
        using var stream = File.OpenRead(file);
        var volume = NiftiReader.Read<ushort>(stream);
        var name = Path.GetFileName(file);
        var (si, sj, sk) = volume.Geometry.Spacing;
        return Math.Max(Math.Abs(si - 1), Math.Max(Math.Abs(sj - 1), Math.Abs(sk - 1))) > 0.05
            ? throw new InvalidDataException(
                $"{name}: spacing {si:g3}×{sj:g3}×{sk:g3} mm; label maps are at 1 mm"
            )
            : Reorient(volume, name);
    }

    private static ((int, int, int), ushort[], string) Reorient(Volume<ushort> volume, string name)
    {
        var codes = volume.Geometry.Orientation;
        int[] size =
        [
            volume.Geometry.Shape.I,
            volume.Geometry.Shape.J,
            volume.Geometry.Shape.K,
        ];
        int[] stride = [1, size[0], size[0] * size[1]];
        // For each of R, A, S: which index axis it is, and whether that axis runs the other way.
        var (shape, step, start) = (new int[3], new int[3], 0);
        for (var world = 0; world < 3; world++)
        {
            var axis = codes.AsSpan().IndexOfAny("RAS"[world], "LPI"[world]);
            var reversed = codes[axis] == "LPI"[world];
            shape[world] = size[axis];
            step[world] = reversed ? -stride[axis] : stride[axis];
            start += reversed ? (size[axis] - 1) * stride[axis] : 0;
        }
        var values = new ushort[volume.Voxels.Length];
        for (int k = 0, n = 0; k < shape[2]; k++)
        {
            for (var j = 0; j < shape[1]; j++)
            {
                for (int i = 0, from = start + j * step[1] + k * step[2]; i < shape[0]; i++, n++)
                {
                    values[n] = volume.Voxels[from + i * step[0]];
                }
            }
        }
        return ((shape[0], shape[1], shape[2]), values, name);
    }
}
