using Platform.Imaging;

namespace Platform.Training.Synthesis;

/// <summary>The shape of a real lesion in MNI space, cropped: where the voxels lie, 1 mm each.</summary>
/// <param name="Origin">MNI millimetres (RAS) of the first voxel.</param>
/// <param name="Shape">Voxels along R, A, S.</param>
/// <param name="Voxels">Not 0 in the lesion, i fastest.</param>
public sealed record LesionMask(
    (double X, double Y, double Z) Origin,
    (int I, int J, int K) Shape,
    byte[] Voxels
)
{
    /// <summary>Whether a point in MNI millimetres lies in the lesion.</summary>
    public bool Contains(double x, double y, double z)
    {
        var (i, j, k) = (
            (int)Math.Floor(x - Origin.X + 0.5),
            (int)Math.Floor(y - Origin.Y + 0.5),
            (int)Math.Floor(z - Origin.Z + 0.5)
        );
        return (uint)i < (uint)Shape.I
            && (uint)j < (uint)Shape.J
            && (uint)k < (uint)Shape.K
            && Voxels[i + Shape.I * (j + Shape.J * k)] != 0;
    }

    /// <summary>Reads every *.nii and *.nii.gz of a folder in the order of their names; masks without a voxel are left out.</summary>
    /// <exception cref="InvalidDataException">No mask in the folder, or one that is not at 1 mm.</exception>
    /// <exception cref="VolumeException">A mask cannot be read.</exception>
    public static IReadOnlyList<LesionMask> ReadFolder(string folder)
    {
        var files = Directory.Exists(folder)
            ? Directory
                .EnumerateFiles(folder)
                .Where(f => f.EndsWith(".nii") || f.EndsWith(".nii.gz"))
                .Order(StringComparer.Ordinal)
                .ToArray()
            : [];
        var masks = files.AsParallel().AsOrdered().Select(Read).OfType<LesionMask>().ToArray();
        return masks.Length > 0
            ? masks
            : throw new InvalidDataException(
                "the recipe asks for infarcts, and the folder of lesion masks has none (--lesion-masks, .nii or .nii.gz)"
            );
    }

    private static LesionMask? Read(string file)
    {
        using var stream = File.OpenRead(file);
        var volume = Orienter.ToOrientation(NiftiReader.ReadLabels(stream), "RAS");
        var (si, sj, sk) = volume.Geometry.Spacing;
        if (Math.Max(Math.Abs(si - 1), Math.Max(Math.Abs(sj - 1), Math.Abs(sk - 1))) > 0.05)
        {
            throw new InvalidDataException(
                $"{Path.GetFileName(file)}: spacing {si:g3}×{sj:g3}×{sk:g3} mm; lesion masks are at 1 mm"
            );
        }
        if (
            LabelMap.Bounds(volume.Geometry.Shape, n => volume.Voxels[n] != 0)
            is not var (low, size)
        )
        {
            return null;
        }
        return new(
            volume.Geometry.ToWorld(low.I, low.J, low.K),
            size,
            LabelMap.Crop(volume.Geometry.Shape, volume.Voxels, low, size)
        );
    }
}
