using MassTransit;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>Follows a study through its stages, and ends the revision when the last planned output is there.</summary>
public sealed class ProgressConsumer(
    IBlobStore blobs,
    StudyFlow flow,
    Projection projection,
    TimeProvider time
)
    : IConsumer<StudyReceived>,
        IConsumer<VolumeSuperResolved>,
        IConsumer<VolumeSegmented>,
        IConsumer<SegmentationAssessed>,
        IConsumer<StudyRejected>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<StudyReceived> context)
    {
        var study = context.Message.Study;
        var manifest = await blobs.ReadJsonAsync<StudyManifest>(
            BlobNames.Manifest(study),
            context.CancellationToken
        );
        await projection.RecordAsync(study, Progress.Received(manifest), context.CancellationToken);
    }

    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<VolumeSuperResolved> context)
    {
        var (study, series, model) = (
            context.Message.Study,
            context.Message.Series,
            context.Message.Model
        );
        await RecordAsync(context, study, StudyStage.SuperResolved, series, model, "");
        await flow.TryEndAsync(study, context.CancellationToken);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<VolumeSegmented> context) =>
        RecordAsync(
            context,
            context.Message.Study,
            StudyStage.Segmented,
            context.Message.Series,
            context.Message.Model,
            ""
        );

    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<SegmentationAssessed> context)
    {
        var study = context.Message.Study;
        await RecordAsync(
            context,
            study,
            StudyStage.Assessed,
            context.Message.Series,
            context.Message.Model,
            context.Message.Verdict.ToString()
        );
        await flow.TryEndAsync(study, context.CancellationToken);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<StudyRejected> context) =>
        flow.RejectAsync(context.Message, context.CancellationToken);

    private async Task RecordAsync(
        ConsumeContext context,
        StudyContext study,
        StudyStage stage,
        string series,
        string model,
        string detail
    )
    {
        var ledger = await RevisionLedger.ReadAsync(blobs, study, context.CancellationToken);
        // No message says that a plan was made: its first output does.
        if (ledger.Plan is { } plan)
        {
            await projection.RecordAsync(
                study,
                Progress.Planned(plan, ledger.PlannedAt),
                context.CancellationToken
            );
        }
        var sent = context.SentTime is { } at ? new(at) : time.GetUtcNow();
        await projection.RecordAsync(
            study,
            new(stage, series, model, detail, sent),
            context.CancellationToken
        );
    }
}

/// <summary>
/// One queue for all of results. A fault here is not a fault of the study: the read model is rebuilt by the next message,
/// and the reconciler ends what was not ended, so none is published.
/// </summary>
internal sealed class ProgressConsumerDefinition : ConsumerDefinition<ProgressConsumer>
{
    public ProgressConsumerDefinition() => EndpointName = QueueNames.Results;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator,
        IConsumerConfigurator<ProgressConsumer> consumerConfigurator,
        IRegistrationContext context
    ) => endpointConfigurator.PublishFaults = false;
}
