using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.SuperResolution;

/// <summary>
/// <see cref="SuperResolveVolume"/> → a volume with thinner slices and its provenance → <see cref="VolumeSuperResolved"/>;
/// <see cref="StudyRejected"/> where the model or the volume cannot be used. Whatever the plan says, the output is not for diagnosis.
/// Acknowledged last; a redelivery finds the volume and publishes again.
/// </summary>
public sealed class SuperResolveVolumeConsumer(ModelStage stage) : IConsumer<SuperResolveVolume>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<SuperResolveVolume> context)
    {
        var command = context.Message;
        var made = await stage.MakeAsync(
            context,
            OutputKind.SuperResolution,
            command.Study,
            command.Series,
            command.Model,
            model => new SuperResolver(model)
        );
        if (made)
        {
            await context.PublishConfirmedAsync(
                new VolumeSuperResolved
                {
                    Study = command.Study,
                    Series = command.Series,
                    Model = command.Model,
                },
                context.CancellationToken
            );
        }
    }
}
