using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Preprocessing;

/// <summary>
/// <see cref="StudyReceived"/> → volumes, plan.json and the models' commands, or <see cref="StudyRejected"/>.
/// A redelivery finds the plan and sends only what is missing.
/// </summary>
public sealed partial class StudyReceivedConsumer(
    IBlobStore blobs,
    StudyPreprocessor preprocessor,
    ILogger<StudyReceivedConsumer> logger
) : IConsumer<StudyReceived>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<StudyReceived> context)
    {
        var study = context.Message.Study;
        if (await blobs.ExistsAsync(BlobNames.Report(study), context.CancellationToken))
        {
            Count(study, "done");
            return;
        }
        var plan = await blobs.FindJsonAsync<StudyPlan>(
            BlobNames.Plan(study),
            context.CancellationToken
        );
        var outcome = "resumed";
        if (plan is null)
        {
            (plan, var rejection) = await preprocessor.PrepareAsync(
                study,
                context.CancellationToken
            );
            if (rejection is not null)
            {
                await RejectAsync(context, rejection);
                return;
            }
            outcome = "planned";
        }
        await context.SendMissingAsync(blobs, study, plan!.Outputs);
        Count(study, outcome);
        LogPlanned(
            study.Tenant,
            study.StudyId,
            study.Revision,
            outcome,
            plan.Series.Count,
            plan.Outputs.Count
        );
    }

    private async Task RejectAsync(ConsumeContext<StudyReceived> context, Rejection rejection)
    {
        var study = context.Message.Study;
        await context.PublishConfirmedAsync(
            new StudyRejected
            {
                Study = study,
                Stage = QueueNames.Preprocessing,
                Reason = rejection.Reason,
                Detail = rejection.Detail,
            },
            context.CancellationToken
        );
        Count(study, "rejected");
        PreprocessingMetrics.Rejections.WithLabels(study.Site, rejection.Reason.ToString()).Inc();
        LogRejected(study.Tenant, study.StudyId, study.Revision, rejection.Reason);
    }

    private static void Count(StudyContext study, string outcome) =>
        PreprocessingMetrics.Studies.WithLabels(study.Site, outcome).Inc();

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Outcome}: {Series} series, {Outputs} outputs"
    )]
    private partial void LogPlanned(
        string tenant,
        string studyId,
        int revision,
        string outcome,
        int series,
        int outputs
    );

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} rejected: {Reason}"
    )]
    private partial void LogRejected(
        string tenant,
        string studyId,
        int revision,
        RejectionReason reason
    );
}

/// <summary>Queue and concurrency of <see cref="StudyReceivedConsumer"/>.</summary>
public sealed class StudyReceivedConsumerDefinition : ConsumerDefinition<StudyReceivedConsumer>
{
    /// <summary>From section "Preprocessing".</summary>
    public StudyReceivedConsumerDefinition(IOptions<PreprocessingOptions> options)
    {
        EndpointName = QueueNames.Preprocessing;
        ConcurrentMessageLimit = options.Value.Concurrency;
    }
}
