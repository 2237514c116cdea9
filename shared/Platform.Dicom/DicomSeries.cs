using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A series of greyscale images, single frames or enhanced, as a volume.</summary>
public static class DicomSeries
{
    /// <summary>Most voxels in a volume, by default: 2²⁹ (2 GiB of floats).</summary>
    public const long MaxVoxels = 1L << 29;

    /// <summary>
    /// Reads a series: slices are ordered by position along their normal, i runs along rows (columns grow), j along columns, k along the normal;
    /// values have slope and intercept applied, and padding has the lowest value of what is not padding. Attributes are read and checked before
    /// any pixel; instances are read on all cores.
    /// </summary>
    /// <param name="instances">Each opens one instance, in any order; it is opened twice, and disposed.</param>
    /// <param name="maxVoxels">More is refused before anything is allocated.</param>
    /// <exception cref="VolumeException">
    /// UnsupportedFormat (not DICOM, a transfer syntax that is not decoded, colour, frames that nothing places), CorruptData, MixedSeries,
    /// NotAVolume (fewer than 2 slices, several stacks), BadGeometry (repeated, missing, unevenly spaced, tilted or differently oriented slices),
    /// TooLarge.
    /// </exception>
    public static Volume<float> ReadVolume(
        IEnumerable<Func<Stream>> instances,
        long maxVoxels = MaxVoxels
    )
    {
        var series = SeriesInstances.Read(instances);
        var (order, geometry) = SliceStack.Arrange(series.Slices);
        if (geometry.VoxelCount > Math.Min(maxVoxels, Array.MaxLength))
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the series promises {geometry.VoxelCount} voxels, the limit is {maxVoxels}"
            );
        }
        return series.ReadVolume(order, geometry);
    }
}
