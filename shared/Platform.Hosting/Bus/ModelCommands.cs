using MassTransit;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>
/// Sends a command to the queue of the model it names, the <c>-stat</c> queue for an emergency. Returns once the broker has
/// the message on disk; throws where no such queue exists or the broker does not confirm in time, so that a command is never lost silently.
/// </summary>
public static class ModelCommands
{
    /// <summary>Sends from a consumer: the message joins the consumed one's conversation and trace.</summary>
    public static Task SendToModelAsync(this ConsumeContext context, SegmentVolume command) =>
        SendAsync(
            context,
            context.ReceiveContext.InputAddress,
            command,
            command.Model,
            command.Study,
            context.CancellationToken
        );

    /// <inheritdoc cref="SendToModelAsync(ConsumeContext, SegmentVolume)"/>
    public static Task SendToModelAsync(this ConsumeContext context, SuperResolveVolume command) =>
        SendAsync(
            context,
            context.ReceiveContext.InputAddress,
            command,
            command.Model,
            command.Study,
            context.CancellationToken
        );

    /// <summary>Sends from outside a consumer, for example from the reconciler.</summary>
    public static Task SendToModelAsync(
        this IBus bus,
        SegmentVolume command,
        CancellationToken cancellationToken
    ) => SendAsync(bus, bus.Address, command, command.Model, command.Study, cancellationToken);

    /// <inheritdoc cref="SendToModelAsync(IBus, SegmentVolume, CancellationToken)"/>
    public static Task SendToModelAsync(
        this IBus bus,
        SuperResolveVolume command,
        CancellationToken cancellationToken
    ) => SendAsync(bus, bus.Address, command, command.Model, command.Study, cancellationToken);

    private static async Task SendAsync<T>(
        ISendEndpointProvider provider,
        Uri address,
        T command,
        string model,
        StudyContext study,
        CancellationToken cancellationToken
    )
        where T : class
    {
        // On RabbitMQ the exchange: sending to "queue:" would declare the queue anew, as a classic one.
        var scheme = address.Scheme == "loopback" ? "queue" : "exchange";
        var endpoint = await provider.GetSendEndpoint(
            new Uri($"{scheme}:{QueueNames.Model(model, study.Priority)}")
        );
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
