using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>The constrained CNNs that training fits, on request, each to one segmentation.</summary>
public sealed partial class FittedNetworks(
    IBlobStore blobs,
    VolumeStore volumes,
    IOptions<QcOptions> options,
    ILogger<FittedNetworks> logger
)
{
    /// <summary>The classifier of one segmentation, without its network where that does not exist yet; null where it does not and no training service runs.</summary>
    /// <param name="set">The references.</param>
    /// <param name="study">Whose.</param>
    /// <param name="output">The segmentation.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public async Task<ConstrainedCnnClassifier?> FindAsync(
        ReferenceSet set,
        StudyContext study,
        PlannedOutput output,
        CancellationToken cancellationToken
    )
    {
        var name = BlobNames.ReverseClassifier(study, output.Model, output.Series);
        byte[]? network = null;
        if (await blobs.ExistsAsync(name, cancellationToken))
        {
            await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
            using var onnx = new MemoryStream();
            await stream.CopyToAsync(onnx, cancellationToken);
            network = onnx.ToArray();
        }
        else if (!options.Value.Training)
        {
            LogNoTraining(output.Model);
            return null;
        }
        return new(set, network, options.Value.Parallelism);
    }

    /// <summary>Asks training for the network that an assessment lacks.</summary>
    /// <param name="context">What is being consumed; the command joins its trace.</param>
    /// <param name="assessment">What is to be assessed.</param>
    /// <returns>False where it lacks none: that of empty labels or of an image without contrast is not missed, for there is nothing to learn.</returns>
    public async Task<bool> TryAskAsync(ConsumeContext context, Assessment assessment)
    {
        if (assessment.Classifier is not ConstrainedCnnClassifier { Network: null } classifier)
        {
            return false;
        }
        var (study, output) = (assessment.Study, assessment.Output);
        var labels = await volumes.ReadLabelsAsync(output.Output, context.CancellationToken);
        var image = await volumes.ReadImageAsync(output.Input, context.CancellationToken);
        if (
            ReverseNetwork.Classes(labels).Length == 1
            || !HasContrast(image, classifier.Set.SpacingMm)
        )
        {
            return false;
        }
        await context.SendConfirmedAsync(
            QueueNames.Training,
            new TrainReverseClassifier
            {
                Study = study,
                Series = output.Series,
                Model = output.Model,
                SpacingMm = classifier.Set.SpacingMm,
            }
        );
        LogAsked(study.Tenant, study.StudyId, study.Revision, output.Model);
        return true;
    }

    /// <summary>Whether training sees anything in the image.</summary>
    private static bool HasContrast(Volume<float> image, double spacingMm)
    {
        try
        {
            ContextImage.At(image, spacingMm);
            return true;
        }
        catch (VolumeException)
        {
            return false;
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Model} waits for a network to be fitted to its labels"
    )]
    private partial void LogAsked(string tenant, string studyId, int revision, string model);

    [LoggerMessage(
        LogLevel.Warning,
        "{Model} is not assessed: it asks for constrained-cnn, which a training service fits to each segmentation, and Qc:Training is false"
    )]
    private partial void LogNoTraining(string model);
}
