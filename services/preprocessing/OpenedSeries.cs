using System.Runtime.CompilerServices;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Preprocessing;

/// <summary>One volume of a series, or a time series of it, not read yet.</summary>
/// <param name="Name">What tells it from the others of its series; null where it is the only one.</param>
/// <param name="Label">What to call it to people: its source's label, and its name.</param>
/// <param name="Frames">How many volumes one after another; 1 where it is no time series.</param>
/// <param name="FrameTimesMs">When each was taken, ms; null where that is not known, and for one.</param>
/// <param name="Read">Reads them; a <see cref="VolumeException"/> says why it is none.</param>
/// <param name="Origin">What its slices were received as; null where it was no DICOM series.</param>
internal sealed record SeriesPart(
    string? Name,
    string Label,
    int Frames,
    IReadOnlyList<double>? FrameTimesMs,
    Func<CancellationToken, IAsyncEnumerable<Volume<float>>> Read,
    SourceSeries? Origin
)
{
    /// <summary>Reads frame after frame.</summary>
    /// <exception cref="VolumeException">It is no volume; the message starts with the label.</exception>
    public async IAsyncEnumerable<Volume<float>> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await using var frames = Read(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await MoveAsync())
        {
            yield return frames.Current;
        }

        async Task<bool> MoveAsync()
        {
            try
            {
                return await frames.MoveNextAsync();
            }
            catch (VolumeException e)
            {
                throw new VolumeException(e.Fault, $"{Label}: {e.Message}", e);
            }
        }
    }
}

/// <summary>A series whose volumes can be read one after another.</summary>
/// <param name="parts">At least one.</param>
/// <param name="scanner">Manufacturer and model, as a DICOM series' first instance states them; null where nothing does.</param>
/// <param name="spool">Where its instances lie; disposed with it.</param>
internal sealed class OpenedSeries(
    IReadOnlyList<SeriesPart> parts,
    string? scanner = null,
    SpoolFile? spool = null
) : IDisposable
{
    /// <summary>Its volumes.</summary>
    public IReadOnlyList<SeriesPart> Parts => parts;

    /// <summary>What made it.</summary>
    public string? Scanner => scanner;

    /// <inheritdoc/>
    public void Dispose() => spool?.Dispose();
}
