using MassTransit;

namespace Platform.Hosting;

/// <summary>
/// Publishing that ends: the broker has the message on disk, or an exception says that it has not said so. MassTransit alone waits
/// for a broker that is away or does not confirm for as long as the caller's token lets it, and looks at that token only between its own steps.
/// </summary>
public static class ConfirmedPublish
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Publishes from a consumer, or from outside one.</summary>
    /// <param name="endpoint">A <see cref="ConsumeContext"/>, so that the message joins its trace, or the <see cref="IBus"/>.</param>
    /// <param name="message">An event.</param>
    /// <param name="cancellationToken">A consumer's is cancelled when its connection is lost: the broker then delivers again.</param>
    /// <param name="patience">How long the broker may take; 30 s where not given.</param>
    /// <exception cref="TimeoutException">Not confirmed in time. The message may have arrived: publishing again is safe and needed.</exception>
    public static Task PublishConfirmedAsync<T>(
        this IPublishEndpoint endpoint,
        T message,
        CancellationToken cancellationToken,
        TimeSpan? patience = null
    )
        where T : class =>
        SendAsync<T>(token => endpoint.Publish(message, token), cancellationToken, patience);

    /// <summary>The same limit for whatever else sends a <typeparamref name="T"/>.</summary>
    internal static async Task SendAsync<T>(
        Func<CancellationToken, Task> send,
        CancellationToken cancellationToken,
        TimeSpan? patience = null
    )
    {
        var limit = patience ?? Patience;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            await send(deadline.Token).WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException(
                $"the broker did not confirm {typeof(T).Name} within {limit.TotalSeconds} s",
                e
            );
        }
    }
}
