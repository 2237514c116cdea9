using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A series of uncompressed single-frame greyscale images as a volume.</summary>
public static class DicomSeries
{
    /// <summary>Most voxels in a volume, by default: 2²⁹ (2 GiB of floats).</summary>
    public const long MaxVoxels = 1L << 29;

    /// <summary>
    /// Reads a series: slices are ordered by position along their normal, i runs along rows (columns grow), j along columns, k along the normal;
    /// values have slope and intercept applied. Attributes are read and checked before any pixel; slices are read on all cores.
    /// </summary>
    /// <param name="instances">Each opens one instance, in any order; it is opened twice, and disposed.</param>
    /// <param name="maxVoxels">More is refused before anything is allocated.</param>
    /// <exception cref="VolumeException">
    /// UnsupportedFormat (not DICOM, compressed, big-endian, colour, multi-frame), CorruptData, MixedSeries, NotAVolume (fewer than 2 slices),
    /// BadGeometry (repeated, missing, unevenly spaced, tilted or differently oriented slices), TooLarge.
    /// </exception>
    public static Volume<float> ReadVolume(
        IEnumerable<Func<Stream>> instances,
        long maxVoxels = MaxVoxels
    )
    {
        var open = instances.ToArray();
        var slices = new DicomSlice[open.Length];
        Run(
            open.Length,
            n =>
            {
                using var stream = open[n]();
                slices[n] = DicomSlice.Read(stream);
            }
        );
        var (order, geometry) = SliceStack.Arrange(slices);
        if (geometry.VoxelCount > Math.Min(maxVoxels, Array.MaxLength))
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the series promises {geometry.VoxelCount} voxels, the limit is {maxVoxels}"
            );
        }
        var volume = new Volume<float>(
            geometry,
            GC.AllocateUninitializedArray<float>((int)geometry.VoxelCount)
        );
        var perSlice = geometry.Shape.I * geometry.Shape.J;
        using var buffers = new ThreadLocal<byte[]>(() => new byte[perSlice * 2]);
        Run(
            order.Length,
            k =>
            {
                using var stream = open[order[k]]();
                DicomSlice
                    .Read(stream)
                    .ReadPixels(
                        stream,
                        volume.Voxels.AsSpan(k * perSlice, perSlice),
                        buffers.Value!
                    );
            }
        );
        return volume;
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
