using MassTransit;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>
/// Sends a command to the queue of the model it names, the <c>-stat</c> queue for an emergency, as <see cref="ConfirmedSend"/> does.
/// </summary>
public static class ModelCommands
{
    /// <summary>Sends from a consumer: the message joins the consumed one's conversation and trace.</summary>
    public static Task SendToModelAsync(this ConsumeContext context, SegmentVolume command) =>
        context.SendConfirmedAsync(
            QueueNames.Model(command.Model, command.Study.Priority),
            command
        );

    /// <inheritdoc cref="SendToModelAsync(ConsumeContext, SegmentVolume)"/>
    public static Task SendToModelAsync(this ConsumeContext context, SuperResolveVolume command) =>
        context.SendConfirmedAsync(
            QueueNames.Model(command.Model, command.Study.Priority),
            command
        );

    /// <summary>Sends from outside a consumer, for example from the reconciler.</summary>
    public static Task SendToModelAsync(
        this IBus bus,
        SegmentVolume command,
        CancellationToken cancellationToken
    ) =>
        bus.SendConfirmedAsync(
            QueueNames.Model(command.Model, command.Study.Priority),
            command,
            cancellationToken
        );

    /// <inheritdoc cref="SendToModelAsync(IBus, SegmentVolume, CancellationToken)"/>
    public static Task SendToModelAsync(
        this IBus bus,
        SuperResolveVolume command,
        CancellationToken cancellationToken
    ) =>
        bus.SendConfirmedAsync(
            QueueNames.Model(command.Model, command.Study.Priority),
            command,
            cancellationToken
        );
}
