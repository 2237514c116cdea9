using System.Threading.Channels;
using Platform.Imaging;

namespace Platform.Hosting;

/// <summary>
/// A time series that is stored while another is made: frames are added as they come, and no more than two are held. Nothing is stored where none is added, or where not all are.
/// </summary>
/// <param name="volumes">The store.</param>
/// <param name="name">Of the blob, written once.</param>
/// <param name="count">How many frames there will be.</param>
/// <param name="intervalMs">From one to the next; null where that is not known.</param>
/// <param name="cancellationToken">Cancels.</param>
public sealed class VolumeSink<T>(
    VolumeStore volumes,
    string name,
    int count,
    double? intervalMs,
    CancellationToken cancellationToken
) : IAsyncDisposable
    where T : unmanaged
{
    private readonly Channel<Volume<T>> _frames = Channel.CreateBounded<Volume<T>>(1);
    private Task _storing = Task.CompletedTask;
    private bool _begun;

    /// <summary>Adds a frame; waits while the one before it is being written.</summary>
    public async Task AddAsync(Volume<T> frame)
    {
        if (!_begun)
        {
            (_begun, _storing) = (true, StoreAsync());
        }
        await _frames.Writer.WriteAsync(frame, cancellationToken);
    }

    /// <summary>Returns when all is stored.</summary>
    public async Task CompleteAsync()
    {
        _frames.Writer.TryComplete();
        await _storing;
    }

    /// <summary>Gives up what was not completed: no blob is there.</summary>
    public async ValueTask DisposeAsync()
    {
        _frames.Writer.TryComplete(new OperationCanceledException());
        await _storing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task StoreAsync()
    {
        try
        {
            await volumes.TryCreateAsync(
                name,
                count,
                intervalMs,
                _frames.Reader.ReadAllAsync(cancellationToken),
                cancellationToken
            );
            // Where the blob is there already nobody asked for the frames.
            await foreach (var _ in _frames.Reader.ReadAllAsync(cancellationToken)) { }
        }
        catch (Exception e)
        {
            _frames.Writer.TryComplete(e);
            throw;
        }
    }
}
