using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// <see cref="VolumeSegmented"/> → quality.json and <see cref="SegmentationAssessed"/>. A redelivery finds the document and publishes again.
/// </summary>
public sealed partial class VolumeSegmentedConsumer(
    IBlobStore blobs,
    VolumeStore volumes,
    ModelRepository models,
    ReferenceSets references,
    ILogger<VolumeSegmentedConsumer> logger
) : IConsumer<VolumeSegmented>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<VolumeSegmented> context)
    {
        var message = context.Message;
        var name = BlobNames.Quality(message.Study, message.Model, message.Series);
        var quality = await blobs.FindJsonAsync<SegmentationQuality>(
            name,
            context.CancellationToken
        );
        if (quality is null)
        {
            quality = await AssessAsync(message, context.CancellationToken);
            if (await blobs.TryCreateJsonAsync(name, quality, context.CancellationToken))
            {
                Count(message.Study, quality);
            }
            else
            {
                quality = await blobs.ReadJsonAsync<SegmentationQuality>(
                    name,
                    context.CancellationToken
                );
            }
            LogAssessed(
                message.Study.Tenant,
                message.Study.StudyId,
                message.Study.Revision,
                message.Model,
                quality.Verdict,
                quality.References,
                quality.ReferencesFailed,
                quality.Seconds
            );
        }
        await context.PublishConfirmedAsync(
            new SegmentationAssessed
            {
                Study = message.Study,
                Series = message.Series,
                Model = message.Model,
                Verdict = quality.Verdict,
            },
            context.CancellationToken
        );
    }

    private async Task<SegmentationQuality> AssessAsync(
        VolumeSegmented message,
        CancellationToken cancellationToken
    )
    {
        var fetching = Stopwatch.GetTimestamp();
        var plan = await blobs.ReadJsonAsync<StudyPlan>(
            BlobNames.Plan(message.Study),
            cancellationToken
        );
        var output = plan.Outputs.Single(o =>
            o.Kind == OutputKind.Segmentation
            && o.Series == message.Series
            && o.Model == message.Model
        );
        var model = await models.GetManifestAsync(message.Model, cancellationToken);
        var loaded = model.Quality is { } settings
            ? await references.FindAsync(settings.References, cancellationToken)
            : null;
        if (loaded is null)
        {
            LogNoReferences(message.Model, model.Quality?.References ?? "none");
        }
        var image = await volumes.ReadImageAsync(output.Input, cancellationToken);
        var labels = await volumes.ReadLabelsAsync(output.Output, cancellationToken);
        QcMetrics
            .Duration.WithLabels("fetch")
            .Observe(Stopwatch.GetElapsedTime(fetching).TotalSeconds);
        var classifier = loaded?.Classifiers[
            model.Quality?.Classifier ?? ReverseClassifiers.SingleAtlas
        ];
        var comparisons = classifier is null
            ? null
            : await Task.Run(
                () =>
                    QualityAssessor.Compare(
                        image,
                        labels,
                        classifier,
                        ReferencePart.Whole,
                        cancellationToken
                    ),
                cancellationToken
            );
        return QualityAssessor.Judge(output, model, labels, classifier, comparisons);
    }

    private static void Count(StudyContext study, SegmentationQuality quality)
    {
        QcMetrics
            .Assessments.WithLabels(study.Site, quality.Model, quality.Verdict.ToString())
            .Inc();
        foreach (var structure in quality.Structures)
        {
            if (structure.PredictedDice is { } dice)
            {
                QcMetrics.PredictedDice.WithLabels(quality.Model, structure.Name).Observe(dice);
            }
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Model}: {Verdict} by {References} references, {Failed} failed, {Seconds:f1} s"
    )]
    private partial void LogAssessed(
        string tenant,
        string studyId,
        int revision,
        string model,
        Verdict verdict,
        int references,
        int failed,
        double seconds
    );

    [LoggerMessage(
        LogLevel.Warning,
        "{Model} is not assessed: its reference set ({References}) is not installed"
    )]
    private partial void LogNoReferences(string model, string references);
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
