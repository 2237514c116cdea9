using System.Diagnostics;
using System.Security.Cryptography;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>What the model stages of the study flow have in common.</summary>
public static class ModelStage
{
    private static readonly string CodeVersion = typeof(ModelStage)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>The refusal an exception amounts to, or null where it is a fault that another try may mend.</summary>
    public static StudyRejected? Rejection(Exception exception, string stage, StudyContext study)
    {
        RejectionReason? reason = exception switch
        {
            ModelPackageException { Fault: ModelPackageFault.UnknownModel } =>
                RejectionReason.UnknownModel,
            ModelPackageException { Fault: ModelPackageFault.DigestMismatch } =>
                RejectionReason.ModelDigestMismatch,
            VolumeException volume => Enum.Parse<RejectionReason>(volume.Fault.ToString()),
            _ => null,
        };
        return reason is null
            ? null
            : new StudyRejected
            {
                Study = study,
                Stage = stage,
                Reason = reason.Value,
                Detail = exception.Message,
            };
    }

    /// <summary>SHA-256 of a planned output's input: from the plan for a received series, else of the stored bytes.</summary>
    public static async Task<string> InputDigestAsync(
        this IBlobStore blobs,
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

    /// <summary>provenance.json of a model's output.</summary>
    public static OutputProvenance Provenance(
        OnnxModel model,
        string inputDigest,
        bool notForDiagnosis,
        IReadOnlyDictionary<string, double> seconds
    ) =>
        new()
        {
            Model = model.Manifest.Id,
            ModelDigest = model.Manifest.Sha256,
            InputDigest = inputDigest,
            CodeVersion = CodeVersion,
            ExecutionProvider = model.ExecutionProvider,
            NotForDiagnosis = notForDiagnosis,
            Seconds = seconds,
        };
}

/// <summary>Seconds by step; the time between two steps that belongs to neither is left out.</summary>
public sealed class StepWatch
{
    private readonly Dictionary<string, double> _seconds = [];
    private long _since = Stopwatch.GetTimestamp();

    /// <summary>The steps so far.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    /// <summary>Books the time since the last step on a step that ends now.</summary>
    public void Lap(string step)
    {
        _seconds[step] = Stopwatch.GetElapsedTime(_since).TotalSeconds;
        Restart();
    }

    /// <summary>Leaves the time since the last step out: it was spent waiting.</summary>
    public void Restart() => _since = Stopwatch.GetTimestamp();

    /// <summary>Runs a step and books its time.</summary>
    public T Time<T>(string step, Func<T> run)
    {
        Restart();
        var result = run();
        Lap(step);
        return result;
    }
}
