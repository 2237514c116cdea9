using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A series of greyscale images, single frames, mosaics or enhanced, as volumes.</summary>
public static class DicomSeries
{
    /// <summary>Most voxels in a volume, by default: 2²⁹ (2 GiB of floats).</summary>
    public const long MaxVoxels = 1L << 29;

    /// <summary>Most volumes in a series: a cine has 20 to 40.</summary>
    public const int MaxVolumes = 64;

    /// <summary>
    /// The volumes of a series. Slices are ordered by position along their normal; i runs along rows (columns grow), j along columns, k along the normal.
    /// Where several lie at one position they are split by what differs: image type, echo, inversion, b-value, gradient, time, trigger time,
    /// acquisition. An instance that was sent twice counts once. Attributes are read and checked, on all cores, and no pixels.
    /// </summary>
    /// <param name="instances">Each opens one instance, in any order; it is opened again to read pixels, and disposed each time.</param>
    /// <param name="maxVoxels">A volume of more is refused.</param>
    /// <returns>At least one, in the order of what differs.</returns>
    /// <exception cref="VolumeException">
    /// UnsupportedFormat (not DICOM, a transfer syntax that is not decoded, colour, frames that nothing places), CorruptData, MixedSeries,
    /// NotAVolume (fewer than 2 slices, several stacks, more than <see cref="MaxVolumes"/>), BadGeometry (repeated, missing, unevenly spaced, tilted or
    /// differently oriented slices), TooLarge.
    /// </exception>
    public static IReadOnlyList<DicomVolume> Open(
        IEnumerable<Func<Stream>> instances,
        long maxVoxels = MaxVoxels
    )
    {
        var series = SeriesInstances.Read(instances);
        var along = SliceStack.Along(series.Slices);
        var parts = SeriesSplitter.Split(series.Slices, SliceStack.Places(along));
        if (parts.Count > MaxVolumes)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{parts.Count} volumes in one series, the limit is {MaxVolumes}: send those that shall be analysed"
            );
        }
        return [.. parts.Select(part => Arrange(series, along, part, maxVoxels))];
    }

    /// <summary>Reads a series of one volume; see <see cref="Open"/> and <see cref="DicomVolume.Read"/>.</summary>
    /// <param name="instances">Each opens one instance, in any order; it is opened twice, and disposed.</param>
    /// <param name="maxVoxels">More is refused before anything is allocated.</param>
    /// <exception cref="VolumeException">As <see cref="Open"/>, and NotAVolume where there are several.</exception>
    public static Volume<float> ReadVolume(
        IEnumerable<Func<Stream>> instances,
        long maxVoxels = MaxVoxels
    ) =>
        Open(instances, maxVoxels) switch
        {
            [var only] => only.Read(),
            var several => throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{several.Count} volumes in one series where one is expected: {several[0].Label}, {several[1].Label}, …"
            ),
        };

    private static DicomVolume Arrange(
        SeriesInstances series,
        double[] along,
        (string Label, int[] Slices) part,
        long maxVoxels
    )
    {
        try
        {
            var (order, geometry) = SliceStack.Arrange(
                [.. part.Slices.Select(slice => series.Slices[slice])],
                [.. part.Slices.Select(slice => along[slice])]
            );
            return geometry.VoxelCount <= Math.Min(maxVoxels, Array.MaxLength)
                ? new(part.Label, geometry, series, [.. order.Select(n => part.Slices[n])])
                : throw new VolumeException(
                    VolumeFault.TooLarge,
                    $"the series promises {geometry.VoxelCount} voxels, the limit is {maxVoxels}"
                );
        }
        catch (VolumeException e) when (part.Label != "")
        {
            throw new VolumeException(e.Fault, $"{part.Label}: {e.Message}", e);
        }
    }
}
