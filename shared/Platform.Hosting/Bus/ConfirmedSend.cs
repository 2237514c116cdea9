using MassTransit;

namespace Platform.Hosting;

/// <summary>
/// Sending a command to a queue. Returns once the broker has the message on disk; throws where no such queue exists or the broker does
/// not confirm in time, so that a command is never lost silently.
/// </summary>
public static class ConfirmedSend
{
    /// <summary>Sends from a consumer: the message joins the consumed one's conversation and trace.</summary>
    public static Task SendConfirmedAsync<T>(this ConsumeContext context, string queue, T command)
        where T : class =>
        SendAsync(
            context,
            context.ReceiveContext.InputAddress,
            queue,
            command,
            context.CancellationToken
        );

    /// <summary>Sends from outside a consumer, for example from the reconciler.</summary>
    public static Task SendConfirmedAsync<T>(
        this IBus bus,
        string queue,
        T command,
        CancellationToken cancellationToken
    )
        where T : class => SendAsync(bus, bus.Address, queue, command, cancellationToken);

    private static async Task SendAsync<T>(
        ISendEndpointProvider provider,
        Uri address,
        string queue,
        T command,
        CancellationToken cancellationToken
    )
        where T : class
    {
        // On RabbitMQ the exchange: sending to "queue:" would declare the queue anew, as a classic one.
        var scheme = address.Scheme == "loopback" ? "queue" : "exchange";
        var endpoint = await provider.GetSendEndpoint(new Uri($"{scheme}:{queue}"));
        await ConfirmedPublish.SendAsync<T>(
            token =>
                endpoint.Send(
                    command,
                    context =>
                    {
                        if (context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
                        {
                            rabbit.Mandatory = true;
                        }
                    },
                    token
                ),
            cancellationToken
        );
    }
}
