using MassTransit;

namespace Platform.Hosting;

/// <summary>
/// How every queue delivers: quorum, at least once, acknowledged after the work; a fault is tried again with exponential
/// back-off, then the message waits in the queue's error queue and a <see cref="Fault{T}"/> is published.
/// Applied to every endpoint by <see cref="BusHosting"/>; a consumer's definition states only its queue and its concurrency.
/// </summary>
internal static class DeliveryPolicy
{
    public static void Apply(IReceiveEndpointConfigurator endpoint, BusOptions options)
    {
        if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
        {
            rabbit.SetQuorumQueue();
        }
        // One more in the prefetch than is handled at once would wait here while another pod is idle.
        endpoint.ConcurrentMessageLimit ??= options.Concurrency;
        endpoint.PrefetchCount = endpoint.ConcurrentMessageLimit.Value;
        if (options.Retries > 0)
        {
            endpoint.UseMessageRetry(retry =>
                retry.Intervals([
                    .. Enumerable
                        .Range(0, options.Retries)
                        .Select(n =>
                            TimeSpan.FromSeconds(
                                Math.Min(
                                    options.RetryMaxSeconds,
                                    options.RetryMinSeconds * Math.Pow(2, n)
                                )
                            )
                        ),
                ])
            );
        }
    }
}
