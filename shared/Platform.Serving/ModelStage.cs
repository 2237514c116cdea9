using System.Security.Cryptography;
using MassTransit;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>
/// What a command to a model comes to, whatever the model makes: planned output → volume and provenance, each written once, or a
/// <see cref="StudyRejected"/>. A time series is made frame by frame, each by itself. Several commands are in hand at once, fetched and stored beside the one that is inferred.
/// </summary>
public sealed partial class ModelStage(
    IBlobStore blobs,
    VolumeStore volumes,
    ModelPool models,
    InferenceGate gate,
    ILogger<ModelStage> logger
)
{
    private static readonly string CodeVersion = typeof(ModelStage)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>Makes a planned output unless it is there already; where the model or the volume cannot be used, rejects the study.</summary>
    /// <param name="context">The command: the rejection is published in its conversation.</param>
    /// <param name="kind">What is made; with <paramref name="series"/> and <paramref name="modelId"/> it finds the output in the plan.</param>
    /// <param name="study">Whose study.</param>
    /// <param name="series">The series.</param>
    /// <param name="modelId">The model as name@version.</param>
    /// <param name="use">The network's use.</param>
    /// <returns>True where the output is there, and its event is to be published: at a redelivery once more.</returns>
    public async Task<bool> MakeAsync<TRaw, TVoxel>(
        ConsumeContext context,
        OutputKind kind,
        StudyContext study,
        string series,
        string modelId,
        Func<OnnxModel, IVolumeModel<TRaw, TVoxel>> use
    )
        where TVoxel : unmanaged
    {
        var cancellationToken = context.CancellationToken;
        var plan = await blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), cancellationToken);
        var output = plan.Outputs.Single(o =>
            o.Kind == kind && o.Series == series && o.Model == modelId
        );
        if (await blobs.ExistsAsync(output.Output, cancellationToken))
        {
            return true;
        }
        try
        {
            await MakeAsync(plan, output, use, cancellationToken);
            return true;
        }
        catch (Exception e) when (Reason(e) is { } reason)
        {
            LogRejected(study.Tenant, study.StudyId, study.Revision, reason, e);
            await context.PublishConfirmedAsync(
                new StudyRejected
                {
                    Study = study,
                    Stage = kind == OutputKind.Segmentation ? "segmentation" : "super-resolution",
                    Reason = reason,
                    Detail = e.Message,
                },
                cancellationToken
            );
            return false;
        }
    }

    private async Task MakeAsync<TRaw, TVoxel>(
        StudyPlan plan,
        PlannedOutput output,
        Func<OnnxModel, IVolumeModel<TRaw, TVoxel>> use,
        CancellationToken cancellationToken
    )
        where TVoxel : unmanaged
    {
        var (study, watch) = (plan.Study, new StepWatch());
        var series = plan.Series.First(one => one.Series == output.ReceivedSeries);
        var (model, inputDigest) = await watch.TimeAsync(
            "fetch",
            async () =>
                (
                    await models.GetAsync(output.Model, cancellationToken),
                    await InputDigestAsync(plan, output, cancellationToken)
                )
        );
        var steps = use(model);
        await using var uncertainty = new VolumeSink<float>(
            volumes,
            BlobNames.Uncertainty(study, output.Model, output.Series),
            series.Frames,
            series.FrameIntervalMs,
            cancellationToken
        );
        await volumes.TryCreateAsync(
            output.Output,
            series.Frames,
            series.FrameIntervalMs,
            FramesAsync(),
            cancellationToken
        );
        LogMade(
            study.Tenant,
            study.StudyId,
            study.Revision,
            output.Series,
            output.Kind == OutputKind.Segmentation ? "segmented" : "super-resolved",
            output.Model,
            watch.Seconds.GetValueOrDefault("infer")
        );

        // Frame by frame; an emergency overtakes between two.
        async IAsyncEnumerable<Volume<TVoxel>> FramesAsync()
        {
            Dictionary<int, double>? agreement = null;
            double? deviation = null;
            var uncertain = false;
            await using var images = volumes
                .ReadFramesAsync<float>(output.Input, cancellationToken)
                .GetAsyncEnumerator(cancellationToken);
            while (await watch.TimeAsync("fetch", () => images.MoveNextAsync().AsTask()))
            {
                var image = images.Current;
                var prepared = watch.Time("prepare", () => steps.Prepare(image));
                var raw = await gate.RunAsync(
                    model,
                    study.Priority,
                    () => watch.Time("infer", () => steps.Infer(prepared, cancellationToken)),
                    cancellationToken
                );
                agreement = Least(agreement, steps.Agreement(raw));
                if (steps.Uncertainty(image, raw) is { } expected)
                {
                    uncertain = true;
                    await uncertainty.AddAsync(expected);
                }
                var result = watch.Time("restore", () => steps.Restore(image, raw));
                deviation = Most(deviation, steps.Deviation(image, result));
                yield return result;
            }
            await uncertainty.CompleteAsync();
            // Before the volume is there: one that exists is one whose origin, and whose mark, are known.
            await blobs.TryCreateJsonAsync(
                BlobNames.Provenance(study, output.Model, output.Series),
                new OutputProvenance
                {
                    Model = model.Manifest.Id,
                    ModelDigest = model.Manifest.Sha256,
                    InputDigest = inputDigest,
                    CodeVersion = CodeVersion,
                    ExecutionProvider = model.ExecutionProvider,
                    // Whatever the plan says: what super-resolution adds was never measured.
                    NotForDiagnosis =
                        output.NotForDiagnosis || output.Kind == OutputKind.SuperResolution,
                    Agreement = agreement,
                    Deviation = deviation,
                    Uncertainty = uncertain,
                    Seconds = watch.Seconds,
                },
                cancellationToken
            );
        }
    }

    /// <summary>By label value, how well the answers agree in the frame where they do least.</summary>
    private static Dictionary<int, double>? Least(
        Dictionary<int, double>? before,
        IReadOnlyDictionary<int, double>? frame
    ) =>
        frame?.ToDictionary(
            one => one.Key,
            one => Math.Min(one.Value, before?.GetValueOrDefault(one.Key, 1) ?? 1)
        );

    private static double? Most(double? before, double? frame) =>
        before is { } one && frame is { } other ? Math.Max(one, other) : before ?? frame;

    /// <summary>SHA-256 of a planned output's input: from the plan for a received series, else of the stored bytes.</summary>
    private async Task<string> InputDigestAsync(
        StudyPlan plan,
        PlannedOutput output,
        CancellationToken cancellationToken
    )
    {
        var series = plan.Series.FirstOrDefault(s =>
            BlobNames.Volume(plan.Study, s.Series) == output.Input
        );
        if (series is not null)
        {
            return series.VolumeDigest;
        }
        await using var stored = await blobs.OpenReadAsync(output.Input, cancellationToken);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stored, cancellationToken));
    }

    /// <summary>The refusal an exception amounts to, or null where it is a fault that another try may mend.</summary>
    private static RejectionReason? Reason(Exception exception) =>
        exception switch
        {
            ModelPackageException { Fault: ModelPackageFault.UnknownModel } =>
                RejectionReason.UnknownModel,
            ModelPackageException { Fault: ModelPackageFault.DigestMismatch } =>
                RejectionReason.ModelDigestMismatch,
            VolumeException volume => Enum.Parse<RejectionReason>(volume.Fault.ToString()),
            _ => null,
        };

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Series} {Made} by {Model}, network {Seconds:f2} s"
    )]
    private partial void LogMade(
        string tenant,
        string studyId,
        int revision,
        string series,
        string made,
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
