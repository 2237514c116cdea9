using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Preprocessing;

/// <summary>The received files that make one series.</summary>
/// <param name="Items">One NIfTI file, or the DICOM instances.</param>
/// <param name="IsDicom">Which of the two.</param>
/// <param name="Label">What to call it to people, never by a name: "file 2 of 3", "series of 24 instances", "series 2 of 3, of 24 instances".</param>
internal sealed record SeriesSource(IReadOnlyList<ReceivedItem> Items, bool IsDicom, string Label);

/// <summary>Reads received files as volumes.</summary>
public sealed class SeriesReader(IBlobStore blobs, IOptions<PreprocessingOptions> options)
{
    private const string DicomExtension = ".dcm";
    private const int ParallelReads = 8;

    /// <summary>
    /// Which files belong together: each NIfTI file is a series, and so are the DICOM instances of one series UID, or of none that ingest could read. What
    /// a file is, ingest has told by its content.
    /// </summary>
    internal static IEnumerable<SeriesSource> Sources(IReadOnlyList<ReceivedItem> items)
    {
        var dicom = items.Where(IsDicom).GroupBy(item => item.SeriesKey).ToArray();
        foreach (var (n, instances) in dicom.Index())
        {
            var count = instances.Count();
            yield return new(
                [.. instances],
                true,
                dicom.Length == 1
                    ? $"series of {count} instances"
                    : $"series {n + 1} of {dicom.Length}, of {count} instances"
            );
        }
        foreach (var (n, item) in items.Index())
        {
            if (!IsDicom(item))
            {
                yield return new([item], false, $"file {n + 1} of {items.Count}");
            }
        }
    }

    /// <summary>Reads one series.</summary>
    /// <exception cref="VolumeException">It is no volume; the message starts with the source's label.</exception>
    /// <exception cref="BlobNotFoundException">A file is missing.</exception>
    internal async Task<Volume<float>> ReadAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return source.IsDicom
                ? await ReadDicomAsync(study, source.Items, cancellationToken)
                : await ReadNiftiAsync(study, source.Items[0], cancellationToken);
        }
        catch (VolumeException e)
        {
            throw new VolumeException(e.Fault, $"{source.Label}: {e.Message}", e);
        }
    }

    /// <summary>Manufacturer and model of the scanner, as a DICOM series' first instance states them; null where nothing does.</summary>
    /// <exception cref="BlobNotFoundException">A file is missing.</exception>
    internal async Task<string?> ReadScannerAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    )
    {
        if (!source.IsDicom)
        {
            return null;
        }
        await using var stream = await OpenAsync(study, source.Items[0], cancellationToken);
        return DicomFile.ReadScanner(stream);
    }

    /// <summary>Streamed: the file is never held beside the volume.</summary>
    private async Task<Volume<float>> ReadNiftiAsync(
        StudyContext study,
        ReceivedItem item,
        CancellationToken cancellationToken
    )
    {
        await using var stream = await OpenAsync(study, item, cancellationToken);
        var limits = new NiftiReadOptions { MaxVoxels = options.Value.MaxVoxels };
        return await Task.Run(() => NiftiReader.ReadImage(stream, limits), cancellationToken);
    }

    /// <summary>Instances are fetched side by side, then read together: all their positions are needed before the first voxel has its place.</summary>
    private async Task<Volume<float>> ReadDicomAsync(
        StudyContext study,
        IReadOnlyList<ReceivedItem> items,
        CancellationToken cancellationToken
    )
    {
        // A pixel has two bytes at most, and a file not as much again of other things.
        var most = 4 * options.Value.MaxVoxels;
        var bytes = items.Sum(item => item.Bytes);
        if (bytes > most)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"{bytes} bytes, the limit for {options.Value.MaxVoxels} voxels is {most} (Preprocessing:MaxVoxels)"
            );
        }
        var instances = new byte[items.Count][];
        await Parallel.ForEachAsync(
            items.Index(),
            new ParallelOptions
            {
                MaxDegreeOfParallelism = ParallelReads,
                CancellationToken = cancellationToken,
            },
            async (entry, token) =>
            {
                await using var stream = await OpenAsync(study, entry.Item, token);
                var instance = new byte[entry.Item.Bytes];
                await stream.ReadExactlyAsync(instance, token);
                instances[entry.Index] = instance;
            }
        );
        return await Task.Run(
            () =>
                DicomSeries.ReadVolume(
                    instances.Select(instance =>
                        (Func<Stream>)(() => new MemoryStream(instance, writable: false))
                    ),
                    options.Value.MaxVoxels
                ),
            cancellationToken
        );
    }

    private Task<Stream> OpenAsync(
        StudyContext study,
        ReceivedItem item,
        CancellationToken cancellationToken
    ) => blobs.OpenReadAsync(BlobNames.Received(study, item.Name), cancellationToken);

    private static bool IsDicom(ReceivedItem item) =>
        item.Name.EndsWith(DicomExtension, StringComparison.Ordinal);
}
