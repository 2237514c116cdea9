using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A series of greyscale images, single frames, mosaics or enhanced, as volumes.</summary>
public static class DicomSeries
{
    /// <summary>Most voxels in a volume, by default: 2²⁹ (2 GiB of floats).</summary>
    public const long MaxVoxels = 1L << 29;

    /// <summary>Most volumes in a series, a time series counting as one: diffusion is measured in up to 512 directions.</summary>
    public const int MaxVolumes = 1024;

    /// <summary>How far a frame may lie beside the first, mm: what scanners round.</summary>
    private const double MostShiftMm = 0.05;

    /// <summary>
    /// The volumes of a series. Slices are ordered by position along their normal; i runs along rows (columns grow), j along columns, k along the normal.
    /// Where several lie at one position they are split by what differs: image type, echo, inversion, flip angle, b-value, gradient, acquisition. What
    /// differs in time alone (temporal position, trigger time, the acquisition of echo-planar images) makes one time series. An instance that was sent twice counts once. Attributes are read and checked, on all cores, and no pixels.
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
    /// <exception cref="VolumeException">As <see cref="Open"/>, and NotAVolume where there are several, or a time series.</exception>
    public static Volume<float> ReadVolume(
        IEnumerable<Func<Stream>> instances,
        long maxVoxels = MaxVoxels
    ) =>
        Open(instances, maxVoxels) switch
        {
            [{ Frames: 1 } only] => only.Read(),
            [var only] => throw new VolumeException(
                VolumeFault.NotAVolume,
                $"a time series of {only.Frames} frames where one volume is expected"
            ),
            var several => throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{several.Count} volumes in one series where one is expected: {several[0].Label}, {several[1].Label}, …"
            ),
        };

    private static DicomVolume Arrange(
        SeriesInstances series,
        double[] along,
        SplitSeries part,
        long maxVoxels
    )
    {
        var frames = new List<int[]>();
        VolumeGeometry? grid = null;
        foreach (var (time, slices) in part.Frames)
        {
            try
            {
                var (order, geometry) = SliceStack.Arrange(
                    [.. slices.Select(slice => series.Slices[slice])],
                    [.. slices.Select(slice => along[slice])]
                );
                RequireSameGrid(grid ??= geometry, geometry);
                if (geometry.VoxelCount > Math.Min(maxVoxels, Array.MaxLength))
                {
                    throw new VolumeException(
                        VolumeFault.TooLarge,
                        $"the series promises {geometry.VoxelCount} voxels, the limit is {maxVoxels}"
                    );
                }
                frames.Add([.. order.Select(n => slices[n])]);
            }
            catch (VolumeException e) when (part.Label != "" || time != "")
            {
                var label =
                    part.Label == "" || time == "" ? part.Label + time : $"{part.Label}, {time}";
                throw new VolumeException(e.Fault, $"{label}: {e.Message}", e);
            }
        }
        return new(part.Label, grid!, series, frames);
    }

    private static void RequireSameGrid(VolumeGeometry first, VolumeGeometry frame)
    {
        if (frame.Shape.K != first.Shape.K)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"{frame.Shape.K} slices where the first time has {first.Shape.K}: a frame of the time series is incomplete"
            );
        }
        if (!frame.IsCloseTo(first, MostShiftMm))
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                "its slices lie elsewhere than those of the first time"
            );
        }
    }
}
