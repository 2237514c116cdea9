using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Preprocessing;

/// <summary>The received files that make one series.</summary>
/// <param name="Items">One NIfTI file.</param>
/// <param name="Label">What to call it to people, by its position: "file 2 of 3".</param>
internal sealed record SeriesSource(IReadOnlyList<ReceivedItem> Items, string Label);

/// <summary>Reads received files as volumes.</summary>
public sealed class SeriesReader(IBlobStore blobs, IOptions<PreprocessingOptions> options)
{
    /// <summary>Which files belong together: each NIfTI file is a series.</summary>
    internal static IEnumerable<SeriesSource> Sources(IReadOnlyList<ReceivedItem> items) =>
        items.Select((item, n) => new SeriesSource([item], $"file {n + 1} of {items.Count}"));

    /// <summary>Reads one series, streamed from the store.</summary>
    /// <exception cref="VolumeException">It is no volume; the message starts with the source's label.</exception>
    /// <exception cref="BlobNotFoundException">A file is missing.</exception>
    internal async Task<Volume<float>> ReadAsync(
        StudyContext study,
        SeriesSource source,
        CancellationToken cancellationToken
    )
    {
        await using var stream = await blobs.OpenReadAsync(
            BlobNames.Received(study, source.Items[0].Name),
            cancellationToken
        );
        try
        {
            return await Task.Run(
                () =>
                    NiftiReader.ReadImage(
                        stream,
                        new NiftiReadOptions { MaxVoxels = options.Value.MaxVoxels }
                    ),
                cancellationToken
            );
        }
        catch (VolumeException e)
        {
            throw new VolumeException(e.Fault, $"{source.Label}: {e.Message}", e);
        }
    }
}
