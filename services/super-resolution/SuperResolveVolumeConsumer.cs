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
public sealed partial class SuperResolveVolumeConsumer(
    IBlobStore blobs,
    VolumeStore volumes,
    ModelPool models,
    InferenceGate gate,
    ILogger<SuperResolveVolumeConsumer> logger
) : IConsumer<SuperResolveVolume>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<SuperResolveVolume> context)
    {
        var command = context.Message;
        var study = command.Study;
        var plan = await blobs.ReadJsonAsync<StudyPlan>(
            BlobNames.Plan(study),
            context.CancellationToken
        );
        var output = plan.Outputs.Single(o =>
            o.Kind == OutputKind.SuperResolution
            && o.Series == command.Series
            && o.Model == command.Model
        );
        if (!await blobs.ExistsAsync(output.Output, context.CancellationToken))
        {
            try
            {
                await SuperResolveAsync(plan, output, context.CancellationToken);
            }
            catch (Exception e)
                when (ModelStage.Rejection(e, "super-resolution", study) is { } refusal)
            {
                LogRejected(study.Tenant, study.StudyId, study.Revision, refusal.Reason, e);
                await context.Publish(refusal, context.CancellationToken);
                return;
            }
        }
        await context.Publish(
            new VolumeSuperResolved
            {
                Study = study,
                Series = command.Series,
                Model = command.Model,
            },
            context.CancellationToken
        );
    }

    private async Task SuperResolveAsync(
        StudyPlan plan,
        PlannedOutput output,
        CancellationToken cancellationToken
    )
    {
        var watch = new StepWatch();
        var model = await models.GetAsync(output.Model, cancellationToken);
        var resolver = new SuperResolver(model);
        var image = await volumes.ReadImageAsync(output.Input, cancellationToken);
        var inputDigest = await blobs.InputDigestAsync(plan, output, cancellationToken);
        watch.Lap("fetch");
        var prepared = resolver.Prepare(image);
        watch.Lap("prepare");
        var residual = await gate.RunAsync(
            model,
            plan.Study.Priority,
            () => watch.Time("infer", () => resolver.Infer(prepared, cancellationToken)),
            cancellationToken
        );
        watch.Restart();
        var fine = resolver.Restore(image, residual);
        watch.Lap("restore");
        // Provenance first: a volume that exists is one whose mark exists.
        await blobs.TryCreateJsonAsync(
            BlobNames.Provenance(plan.Study, output.Model, output.Series),
            ModelStage.Provenance(model, inputDigest, notForDiagnosis: true, watch.Seconds),
            cancellationToken
        );
        await volumes.TryCreateAsync(output.Output, fine, cancellationToken);
        LogSuperResolved(
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
        "{Tenant}: study {StudyId} r{Revision} {Series} super-resolved by {Model}, network {Seconds:f2} s"
    )]
    private partial void LogSuperResolved(
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
