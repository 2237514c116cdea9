namespace Platform.Imaging;

/// <summary>
/// A 3D image. Voxels run i fastest, then j, then k; world is RAS+ millimetres. Images are <c>Volume&lt;float&gt;</c>,
/// label maps <c>Volume&lt;byte&gt;</c>: interpolation takes floats only, so labels cannot be interpolated by mistake.
/// </summary>
/// <typeparam name="T">float for images, byte for labels and masks.</typeparam>
public sealed class Volume<T>
    where T : unmanaged
{
    /// <summary>Wraps an array without copying it.</summary>
    /// <exception cref="VolumeException">The array's length is not the geometry's voxel count.</exception>
    public Volume(VolumeGeometry geometry, T[] voxels)
    {
        if (voxels.LongLength != geometry.VoxelCount)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"{voxels.LongLength} voxels for shape {geometry.Shape.I}×{geometry.Shape.J}×{geometry.Shape.K}"
            );
        }
        Geometry = geometry;
        Voxels = voxels;
    }

    /// <summary>A volume of zeros.</summary>
    public Volume(VolumeGeometry geometry)
        : this(geometry, new T[checked((int)geometry.VoxelCount)]) { }

    /// <summary>Where the voxels lie.</summary>
    public VolumeGeometry Geometry { get; }

    /// <summary>The voxels, i fastest. Owned by this volume.</summary>
    public T[] Voxels { get; }

    /// <summary>One voxel.</summary>
    public ref T this[int i, int j, int k] =>
        ref Voxels[i + Geometry.Shape.I * (j + Geometry.Shape.J * k)];
}
