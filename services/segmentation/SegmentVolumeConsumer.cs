using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.Segmentation;

/// <summary>
/// <see cref="SegmentVolume"/> → labels and their provenance → <see cref="VolumeSegmented"/>; <see cref="StudyRejected"/> where the
/// model or the volume cannot be used. Several commands are in hand at once, fetched and stored beside the one that is inferred,
/// and each is acknowledged last; a redelivery finds the labels and publishes again.
/// </summary>
public sealed partial class SegmentVolumeConsumer(
    IBlobStore blobs,
    VolumeStore volumes,
    ModelPool models,
    InferenceGate gate,
    ILogger<SegmentVolumeConsumer> logger
) : IConsumer<SegmentVolume>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<SegmentVolume> context)
    {
        var command = context.Message;
        var study = command.Study;
        var plan = await blobs.ReadJsonAsync<StudyPlan>(
            BlobNames.Plan(study),
            context.CancellationToken
        );
        var output = plan.Outputs.Single(o =>
            o.Kind == OutputKind.Segmentation
            && o.Series == command.Series
            && o.Model == command.Model
        );
        if (!await blobs.ExistsAsync(output.Output, context.CancellationToken))
        {
            try
            {
                await SegmentAsync(plan, output, context.CancellationToken);
            }
            catch (Exception e) when (ModelStage.Rejection(e, "segmentation", study) is { } refusal)
            {
                LogRejected(study.Tenant, study.StudyId, study.Revision, refusal.Reason, e);
                await context.Publish(refusal, context.CancellationToken);
                return;
            }
        }
        await context.Publish(
            new VolumeSegmented
            {
                Study = study,
                Series = command.Series,
                Model = command.Model,
            },
            context.CancellationToken
        );
    }

    private async Task SegmentAsync(
        StudyPlan plan,
        PlannedOutput output,
        CancellationToken cancellationToken
    )
    {
        var watch = new StepWatch();
        var model = await models.GetAsync(output.Model, cancellationToken);
        var segmenter = new Segmenter(model);
        var image = await volumes.ReadImageAsync(output.Input, cancellationToken);
        var inputDigest = await blobs.InputDigestAsync(plan, output, cancellationToken);
        watch.Lap("fetch");
        var prepared = segmenter.Prepare(image);
        watch.Lap("prepare");
        var scores = await gate.RunAsync(
            model,
            plan.Study.Priority,
            () => watch.Time("infer", () => segmenter.Infer(prepared, cancellationToken)),
            cancellationToken
        );
        watch.Restart();
        var labels = segmenter.Restore(scores, image.Geometry);
        watch.Lap("restore");
        // Provenance first: labels that exist are labels whose origin is known.
        await blobs.TryCreateJsonAsync(
            BlobNames.Provenance(plan.Study, output.Model, output.Series),
            ModelStage.Provenance(model, inputDigest, output.NotForDiagnosis, watch.Seconds),
            cancellationToken
        );
        await volumes.TryCreateAsync(output.Output, labels, cancellationToken);
        LogSegmented(
            plan.Study.Tenant,
            plan.Study.StudyId,
            plan.Study.Revision,
            output.Series,
            output.Model,
            watch.Seconds["infer"]
        );
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Series} segmented by {Model}, network {Seconds:f2} s"
    )]
    private partial void LogSegmented(
        string tenant,
        string studyId,
        int revision,
        string series,
        string model,
        double seconds
    );

    [LoggerMessage(LogLevel.Warning, "{Tenant}: study {StudyId} r{Revision} rejected: {Reason}")]
    private partial void LogRejected(
        string tenant,
        string studyId,
        int revision,
        RejectionReason reason,
        Exception exception
    );
}
