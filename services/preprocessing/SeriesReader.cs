using System.Buffers;
using System.Runtime.CompilerServices;
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
    private const int BufferBytes = 1 << 17;

    /// <summary>What ingest could not read, or holds: alike ones together.</summary>
    internal static IEnumerable<RefusedSeries> Refused(IReadOnlyList<ReceivedItem> items) =>
        from entry in items.Index()
        where entry.Item.Refusal is not null
        group entry by (entry.Item.SeriesKey, entry.Item.Refusal) into alike
        let first = $"file {alike.First().Index + 1} of {items.Count}"
        let label = alike.Count() == 1 ? first : $"{first} and {alike.Count() - 1} like it"
        let refusal = alike.Key.Refusal
        select new RefusedSeries(label, refusal.Reason, $"{label}: {refusal.Detail}");

    /// <summary>
    /// Which files belong together: each NIfTI file is a series, and so are the DICOM instances of one series UID, or of none that ingest could read. What
    /// a file is, ingest has told by its content.
    /// </summary>
    internal static IEnumerable<SeriesSource> Sources(IReadOnlyList<ReceivedItem> items)
    {
        var dicom = items
            .Where(item => item.Refusal is null && IsDicom(item))
            .GroupBy(item => item.SeriesKey)
            .ToArray();
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
            if (item.Refusal is null && !IsDicom(item))
            {
                yield return new([item], false, $"file {n + 1} of {items.Count}");
            }
        }
    }

    /// <summary>Opens one series: a DICOM series may be several volumes, a file of four dimensions is one time series.</summary>
    /// <exception cref="VolumeException">It is no volume; the message starts with the source's label.</exception>
    /// <exception cref="BlobNotFoundException">A file is missing.</exception>
    internal async Task<OpenedSeries> OpenAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    ) =>
        source.IsDicom
            ? await OpenDicomAsync(study, source, cancellationToken)
            : await OpenNiftiAsync(study, source, cancellationToken);

    private async Task<OpenedSeries> OpenNiftiAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    )
    {
        await using var stream = await OpenAsync(study, source.Items[0], cancellationToken);
        try
        {
            var header = await Task.Run(() => NiftiReader.ReadHeader(stream), cancellationToken);
            CheckFrames(header.Frames, header.Geometry);
            var frames = (int)header.Frames;
            var times = Enumerable.Range(0, frames).Select(n => n * header.FrameIntervalMs);
            return new OpenedSeries([
                new(
                    null,
                    source.Label,
                    frames,
                    frames > 1 && header.FrameIntervalMs is not null
                        ? [.. times.Select(time => time!.Value)]
                        : null,
                    token => ReadNiftiAsync(study, source.Items[0], token),
                    null
                ),
            ]);
        }
        catch (VolumeException e)
        {
            throw new VolumeException(e.Fault, $"{source.Label}: {e.Message}", e);
        }
    }

    /// <summary>Streamed: the file is never held beside a volume.</summary>
    private async IAsyncEnumerable<Volume<float>> ReadNiftiAsync(
        StudyContext study,
        ReceivedItem item,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await using var stream = await OpenAsync(study, item, cancellationToken);
        var limits = new NiftiReadOptions { MaxVoxels = options.Value.MaxVoxels };
        using var reader = await Task.Run(
            () => new NiftiFrameReader<float>(stream, limits),
            cancellationToken
        );
        while (await Task.Run(reader.Read, cancellationToken) is { } frame)
        {
            yield return frame;
        }
    }

    /// <summary>Refuses a time series that is too long.</summary>
    /// <exception cref="VolumeException">TooLarge.</exception>
    private void CheckFrames(long frames, VolumeGeometry geometry)
    {
        if (frames > options.Value.MaxFrames)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"{frames} frames, the limit is {options.Value.MaxFrames} (Preprocessing:MaxFrames)"
            );
        }
        if (frames > 1 && frames * geometry.VoxelCount > options.Value.MaxSeriesVoxels)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"{frames} frames of {geometry.VoxelCount} voxels, the limit for all is {options.Value.MaxSeriesVoxels} (Preprocessing:MaxSeriesVoxels)"
            );
        }
    }

    /// <summary>
    /// Instances are fetched side by side into a file without a name, and read from there: all their positions are needed before the first voxel has its
    /// place, and a killed process leaves nothing behind.
    /// </summary>
    private async Task<OpenedSeries> OpenDicomAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    )
    {
        // A pixel has two bytes at most, and a file not as much again of other things.
        var most = 4 * options.Value.MaxSeriesVoxels;
        var bytes = source.Items.Sum(item => item.Bytes);
        if (bytes > most)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"{source.Label}: {bytes} bytes, the limit for {options.Value.MaxSeriesVoxels} voxels is {most} (Preprocessing:MaxSeriesVoxels)"
            );
        }
        var spool = new SpoolFile(Path.GetTempPath());
        try
        {
            var starts = new long[source.Items.Count];
            for (var n = 1; n < starts.Length; n++)
            {
                starts[n] = starts[n - 1] + source.Items[n - 1].Bytes;
            }
            await Parallel.ForEachAsync(
                source.Items.Zip(starts),
                new ParallelOptions
                {
                    MaxDegreeOfParallelism = ParallelReads,
                    CancellationToken = cancellationToken,
                },
                async (entry, token) =>
                {
                    await using var stream = await OpenAsync(study, entry.First, token);
                    await SpoolAsync(stream, spool, entry.Second, entry.First.Bytes, token);
                }
            );
            Func<Stream>[] instances =
            [
                .. source.Items.Zip(
                    starts,
                    (item, start) => (Func<Stream>)(() => spool.OpenRead(start, item.Bytes))
                ),
            ];
            var volumes = await Task.Run(
                () => DicomSeries.Open(instances, options.Value.MaxVoxels),
                cancellationToken
            );
            foreach (var volume in volumes)
            {
                CheckFrames(volume.Frames, volume.Geometry);
            }
            return new OpenedSeries(
                [.. volumes.Select(volume => Part(source, volume))],
                DicomFile.ReadScanner(instances[0]()),
                spool
            );
        }
        catch (VolumeException e)
        {
            spool.Dispose();
            throw new VolumeException(e.Fault, $"{source.Label}: {e.Message}", e);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    private static SeriesPart Part(SeriesSource source, DicomVolume volume)
    {
        var label = volume.Label == "" ? source.Label : $"{source.Label}, {volume.Label}";
        return new(
            volume.Label == "" ? null : volume.Label,
            label,
            volume.Frames,
            volume.FrameTimesMs(),
            token => ReadDicomAsync(volume, token),
            Origin(volume)
        );
    }

    private static async IAsyncEnumerable<Volume<float>> ReadDicomAsync(
        DicomVolume volume,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        for (var frame = 0; frame < volume.Frames; frame++)
        {
            var number = frame;
            yield return await Task.Run(() => volume.Read(number), cancellationToken);
        }
    }

    private static SourceSeries Origin(DicomVolume volume)
    {
        var slices = volume.Origins();
        var first = slices[0].Instance;
        return new()
        {
            StudyInstanceUid = first.StudyInstanceUid,
            SeriesInstanceUid = first.SeriesInstanceUid,
            FrameOfReferenceUid = Stated(first.FrameOfReferenceUid),
            PatientId = Stated(first.PatientId),
            Modality = Stated(first.Modality),
            Frames = volume.Frames,
            Slices =
            [
                .. slices.Select(slice => new SourceSlice(
                    slice.Instance.SopClassUid,
                    slice.Instance.SopInstanceUid,
                    slice.Frame
                )),
            ],
        };

        static string? Stated(string text) => text.Length > 0 ? text : null;
    }

    private static async Task SpoolAsync(
        Stream stream,
        SpoolFile spool,
        long start,
        long bytes,
        CancellationToken cancellationToken
    )
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (var at = 0L; at < bytes; )
            {
                var part = buffer.AsMemory(0, (int)Math.Min(buffer.Length, bytes - at));
                var got = await stream.ReadAsync(part, cancellationToken);
                if (got == 0)
                {
                    throw new EndOfStreamException(
                        "a received file is shorter than its manifest says"
                    );
                }
                await spool.WriteAsync(part[..got], start + at, cancellationToken);
                at += got;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Task<Stream> OpenAsync(
        StudyContext study,
        ReceivedItem item,
        CancellationToken cancellationToken
    ) => blobs.OpenReadAsync(BlobNames.Received(study, item.Name), cancellationToken);

    private static bool IsDicom(ReceivedItem item) =>
        item.Name.EndsWith(DicomExtension, StringComparison.Ordinal);
}
