using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Qc;

/// <summary>
/// <see cref="VolumeSegmented"/> → quality.json and <see cref="SegmentationAssessed"/>, or, where its references are split over replicas, an
/// <see cref="AssessReferences"/> for each part that is not stored. A redelivery finds the document and publishes again. Where a network must be
/// fitted to the segmentation first, training is asked for it, and <see cref="ReverseClassifierTrained"/> goes on from there.
/// </summary>
public sealed class VolumeSegmentedConsumer(
    AssessmentStage stage,
    FittedNetworks networks,
    IOptions<QcOptions> options
) : IConsumer<VolumeSegmented>, IConsumer<ReverseClassifierTrained>
{
    /// <inheritdoc/>
    public Task Consume(ConsumeContext<VolumeSegmented> context) =>
        AssessAsync(context, context.Message.Study, context.Message.Series, context.Message.Model);

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<ReverseClassifierTrained> context) =>
        AssessAsync(context, context.Message.Study, context.Message.Series, context.Message.Model);

    private async Task AssessAsync(
        ConsumeContext context,
        StudyContext study,
        string series,
        string model
    )
    {
        if (await stage.TryPublishAsync(context, study, series, model))
        {
            return;
        }
        var stopped = context.CancellationToken;
        var assessment = await stage.OpenAsync(study, series, model, stopped);
        if (assessment.Frames > 1)
        {
            await stage.AssessFramesAsync(context, assessment);
            return;
        }
        if (await networks.TryAskAsync(context, assessment))
        {
            return;
        }
        var parts = options.Value.PartsOf(assessment.Classifier?.Set.Consulted ?? 0);
        if (parts == 1)
        {
            var heard = await stage.CompareAsync(assessment, ReferencePart.Whole, stopped);
            await stage.FinishAsync(context, assessment, heard);
            return;
        }
        var missing = await stage.MissingPartsAsync(assessment, parts, stopped);
        if (missing.Count == 0)
        {
            var stored = await stage.JoinPartsAsync(assessment, parts, stopped);
            await stage.FinishAsync(context, assessment, stored);
            return;
        }
        foreach (var part in missing)
        {
            await context.SendConfirmedAsync(
                QueueNames.QcReferences,
                new AssessReferences
                {
                    Study = study,
                    Series = series,
                    Model = model,
                    Part = part.Number,
                    Parts = part.Parts,
                }
            );
        }
    }
}

/// <summary>Queue and concurrency of <see cref="VolumeSegmentedConsumer"/>.</summary>
public sealed class VolumeSegmentedConsumerDefinition : ConsumerDefinition<VolumeSegmentedConsumer>
{
    /// <summary>From section "Qc".</summary>
    public VolumeSegmentedConsumerDefinition(IOptions<QcOptions> options)
    {
        EndpointName = QueueNames.Qc;
        ConcurrentMessageLimit = options.Value.Concurrency;
    }
}
