using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.Segmentation;

/// <summary>
/// <see cref="SegmentVolume"/> → labels and their provenance → <see cref="VolumeSegmented"/>; <see cref="StudyRejected"/> where the
/// model or the volume cannot be used. Acknowledged last; a redelivery finds the labels and publishes again.
/// </summary>
public sealed class SegmentVolumeConsumer(ModelStage stage) : IConsumer<SegmentVolume>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<SegmentVolume> context)
    {
        var command = context.Message;
        var made = await stage.MakeAsync(
            context,
            OutputKind.Segmentation,
            command.Study,
            command.Series,
            command.Model,
            model => new Segmenter(model)
        );
        if (made)
        {
            await context.PublishConfirmedAsync(
                new VolumeSegmented
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
