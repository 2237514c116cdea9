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
        var open = instances.ToArray();
        var instanceSlices = new IReadOnlyList<DicomSlice>[open.Length];
        Run(
            open.Length,
            n =>
            {
                using var stream = open[n]();
                using var image = DicomImage.Read(stream);
                instanceSlices[n] = image.Slices;
            }
        );
        var slices = instanceSlices.SelectMany(frames => frames).ToArray();
        var (order, geometry) = SliceStack.Arrange(slices);
        if (geometry.VoxelCount > Math.Min(maxVoxels, Array.MaxLength))
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the series promises {geometry.VoxelCount} voxels, the limit is {maxVoxels}"
            );
        }
        var voxels = GC.AllocateUninitializedArray<float>((int)geometry.VoxelCount);
        var perSlice = geometry.Shape.I * geometry.Shape.J;
        // Where in the volume each slice goes, and which is each instance's first.
        var places = new int[order.Length];
        foreach (var (k, slice) in order.Index())
        {
            places[slice] = k;
        }
        var firsts = new int[open.Length];
        for (var n = 1; n < open.Length; n++)
        {
            firsts[n] = firsts[n - 1] + instanceSlices[n - 1].Count;
        }
        using var buffers = new ThreadLocal<byte[]>(() => new byte[perSlice * 2]);
        Run(
            open.Length,
            n =>
            {
                using var stream = open[n]();
                using var image = DicomImage.Read(stream);
                image.ReadValues(
                    frame => voxels.AsMemory(places[firsts[n] + frame] * perSlice, perSlice),
                    buffers.Value!
                );
            }
        );
        if (slices.Any(slice => slice.Format.Padding is not null))
        {
            FillPadding(voxels);
        }
        return new Volume<float>(geometry, voxels);
    }

    /// <summary>Padding, read as NaN, gets the lowest value there is; 0 where there is none.</summary>
    private static void FillPadding(Span<float> voxels)
    {
        var lowest = float.PositiveInfinity;
        foreach (var voxel in voxels)
        {
            lowest = voxel < lowest ? voxel : lowest;
        }
        lowest = float.IsFinite(lowest) ? lowest : 0;
        foreach (ref var voxel in voxels)
        {
            voxel = float.IsNaN(voxel) ? lowest : voxel;
        }
    }

    /// <summary>On all cores; of several refusals the first is thrown as it was.</summary>
    private static void Run(int count, Action<int> body)
    {
        try
        {
            Parallel.For(0, count, body);
        }
        catch (AggregateException several)
            when (several.InnerExceptions.OfType<VolumeException>().FirstOrDefault() is { } refusal)
        {
            throw new VolumeException(refusal.Fault, refusal.Message, refusal);
        }
    }
}
