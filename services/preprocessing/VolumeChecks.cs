using Platform.Imaging;

namespace Platform.Preprocessing;

/// <summary>What an image must be before a model sees it, beyond what its reader checks (length, spacing, affine, non-finite voxels).</summary>
internal static class VolumeChecks
{
    /// <summary>Refuses a slab too thin to be a volume, and an image without contrast.</summary>
    /// <param name="volume">The image.</param>
    /// <param name="minSlices">Least voxels along every axis.</param>
    /// <param name="label">What to call it, for example "file 2 of 3".</param>
    /// <exception cref="VolumeException">NotAVolume or BadVoxels.</exception>
    public static void Check(Volume<float> volume, int minSlices, string label)
    {
        var (i, j, k) = volume.Geometry.Shape;
        if (Math.Min(i, Math.Min(j, k)) < minSlices)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{label}: {i}×{j}×{k} voxels; a volume has at least {minSlices} along every axis (Preprocessing:MinSlices)"
            );
        }
        var voxels = volume.Voxels.AsSpan();
        if (voxels[1..].IndexOfAnyExcept(voxels[0]) < 0)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                $"{label}: every voxel is {voxels[0]:g6}; an image needs contrast"
            );
        }
    }
}
