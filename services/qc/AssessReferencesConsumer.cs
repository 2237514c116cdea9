using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Platform.Qc;

/// <summary>
/// <see cref="AssessReferences"/> → the part's document; who finds all parts there makes quality.json of them and publishes
/// <see cref="SegmentationAssessed"/>. Acknowledged last; a redelivery finds its part stored.
/// </summary>
public sealed class AssessReferencesConsumer(AssessmentStage stage) : IConsumer<AssessReferences>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<AssessReferences> context)
    {
        var (command, stopped) = (context.Message, context.CancellationToken);
        var (study, series, model) = (command.Study, command.Series, command.Model);
        if (await stage.TryPublishAsync(context, study, series, model))
        {
            return;
        }
        var assessment = await stage.OpenAsync(study, series, model, stopped);
        if (assessment.Classifier is null)
        {
            // The set was taken away meanwhile.
            await stage.FinishAsync(context, assessment, null);
            return;
        }
        await stage.StorePartAsync(assessment, new(command.Part, command.Parts), stopped);
        // Looked for after the own part is written: of two that end together, at least one sees the other's.
        var missing = await stage.MissingPartsAsync(assessment, command.Parts, stopped);
        if (missing.Count == 0)
        {
            var stored = await stage.JoinPartsAsync(assessment, command.Parts, stopped);
            await stage.FinishAsync(context, assessment, stored);
        }
    }
}

/// <summary>Queue and concurrency of <see cref="AssessReferencesConsumer"/>.</summary>
public sealed class AssessReferencesConsumerDefinition
    : ConsumerDefinition<AssessReferencesConsumer>
{
    /// <summary>From section "Qc".</summary>
    public AssessReferencesConsumerDefinition(IOptions<QcOptions> options)
    {
        EndpointName = QueueNames.QcReferences;
        ConcurrentMessageLimit = options.Value.Concurrency;
    }
}
