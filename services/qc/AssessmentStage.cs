using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;
using Platform.Serving;

namespace Platform.Qc;

/// <summary>
/// The steps from a segmentation to quality.json and <see cref="SegmentationAssessed"/>, whether one replica takes them or several. What
/// they leave is written once, so any step may be taken twice, by several replicas at once.
/// </summary>
public sealed partial class AssessmentStage(
    IBlobStore blobs,
    VolumeStore volumes,
    ModelRepository models,
    ReferenceSets references,
    ModelPool networks,
    FittedNetworks fitted,
    IOptions<QcOptions> options,
    ILogger<AssessmentStage> logger
)
{
    /// <summary>Publishes again what quality.json says, where it exists.</summary>
    /// <returns>False where it does not.</returns>
    public async Task<bool> TryPublishAsync(
        ConsumeContext context,
        StudyContext study,
        string series,
        string model
    )
    {
        var known = await blobs.FindJsonAsync<SegmentationQuality>(
            BlobNames.Quality(study, model, series),
            context.CancellationToken
        );
        if (known is not null)
        {
            await PublishAsync(context, study, known);
        }
        return known is not null;
    }

    /// <summary>Finds what is to be assessed, and by what.</summary>
    public async Task<Assessment> OpenAsync(
        StudyContext study,
        string series,
        string model,
        CancellationToken cancellationToken
    )
    {
        var opening = Stopwatch.GetTimestamp();
        var plan = await blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), cancellationToken);
        var output = plan.Outputs.Single(o =>
            o.Kind == OutputKind.Segmentation && o.Series == series && o.Model == model
        );
        var manifest = await models.GetManifestAsync(model, cancellationToken);
        LoadedReferences? loaded = null;
        if (manifest.Quality?.References is { } set)
        {
            loaded = await references.FindAsync(set, cancellationToken);
            if (loaded is null)
            {
                LogNoReferences(model, set);
            }
        }
        var name = manifest.Quality?.Classifier ?? ReverseClassifiers.SingleAtlas;
        var received = plan.Series.FirstOrDefault(s => s.Series == output.ReceivedSeries);
        IReverseClassifier? classifier = null;
        if (loaded is not null && name != ReverseClassifiers.ConstrainedCnn)
        {
            classifier = loaded.Classifiers[name];
        }
        else if (loaded is not null && received is { Frames: > 1 })
        {
            LogNoNetworkOfFrames(model, received.Frames);
        }
        else if (loaded is not null)
        {
            classifier = await fitted.FindAsync(loaded.Set, study, output, cancellationToken);
        }
        QcMetrics.Observe("open", opening);
        return new(study, output, received, manifest, classifier);
    }

    /// <summary>Hears references; null where there are none.</summary>
    public async Task<ReferenceComparisons?> CompareAsync(
        Assessment assessment,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        if (assessment.Classifier is not { } classifier)
        {
            return null;
        }
        var fetching = Stopwatch.GetTimestamp();
        var image = await volumes.ReadImageAsync(assessment.Output.Input, cancellationToken);
        var labels = await volumes.ReadLabelsAsync(assessment.Output.Output, cancellationToken);
        QcMetrics.Observe("fetch", fetching);
        return await Task.Run(
            () => QualityAssessor.Compare(image, labels, classifier, part, cancellationToken),
            cancellationToken
        );
    }

    /// <summary>Hears a part of the references and stores what it says, unless that is stored already.</summary>
    public async Task StorePartAsync(
        Assessment assessment,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        var name = PartName(assessment, part);
        if (
            !await blobs.ExistsAsync(name, cancellationToken)
            && await CompareAsync(assessment, part, cancellationToken) is { } comparisons
        )
        {
            await blobs.TryCreateJsonAsync(name, comparisons, cancellationToken);
        }
    }

    /// <summary>The parts of so many that are not stored.</summary>
    public async Task<IReadOnlyList<ReferencePart>> MissingPartsAsync(
        Assessment assessment,
        int parts,
        CancellationToken cancellationToken
    )
    {
        var missing = new List<ReferencePart>();
        foreach (var part in ReferencePart.All(parts))
        {
            if (!await blobs.ExistsAsync(PartName(assessment, part), cancellationToken))
            {
                missing.Add(part);
            }
        }
        return missing;
    }

    /// <summary>What so many stored parts say together.</summary>
    public async Task<ReferenceComparisons> JoinPartsAsync(
        Assessment assessment,
        int parts,
        CancellationToken cancellationToken
    )
    {
        var stored = new List<ReferenceComparisons>();
        foreach (var part in ReferencePart.All(parts))
        {
            stored.Add(
                await blobs.ReadJsonAsync<ReferenceComparisons>(
                    PartName(assessment, part),
                    cancellationToken
                )
            );
        }
        return ReferenceComparisons.Join(stored);
    }

    /// <summary>Judges, stores quality.json unless another was first, and publishes what it says.</summary>
    public async Task FinishAsync(
        ConsumeContext context,
        Assessment assessment,
        ReferenceComparisons? comparisons
    )
    {
        var (_, output, _, model, classifier) = assessment;
        var cancellationToken = context.CancellationToken;
        var labels = await volumes.ReadLabelsAsync(output.Output, cancellationToken);
        var direct = await EstimateAsync(
            assessment,
            () => volumes.ReadImageAsync(output.Input, cancellationToken),
            labels,
            cancellationToken
        );
        await StoreAsync(
            context,
            assessment,
            QualityAssessor.Judge(output, model, labels, classifier, comparisons, direct)
        );
    }

    /// <summary>
    /// Assesses a time series frame by frame, two volumes in memory at a time: as many frames as Qc:MaxFrames are held against the references, the others are
    /// measured. Then as <see cref="FinishAsync"/>.
    /// </summary>
    public async Task AssessFramesAsync(ConsumeContext context, Assessment assessment)
    {
        var (_, output, received, model, classifier) = assessment;
        var stopped = context.CancellationToken;
        var assessed = SeriesQuality.Assessed(assessment.Frames, options.Value.MaxFrames);
        var frames = new List<SegmentationQuality>();
        await using var images = volumes
            .ReadFramesAsync<float>(output.Input, stopped)
            .GetAsyncEnumerator(stopped);
        await foreach (var labels in volumes.ReadFramesAsync<byte>(output.Output, stopped))
        {
            await images.MoveNextAsync();
            var image = images.Current;
            ReferenceComparisons? comparisons = null;
            var direct = new DirectEstimates();
            if (assessed.Contains(frames.Count))
            {
                comparisons = classifier is null
                    ? null
                    : await Task.Run(
                        () =>
                            QualityAssessor.Compare(
                                image,
                                labels,
                                classifier,
                                ReferencePart.Whole,
                                stopped
                            ),
                        stopped
                    );
                direct = await EstimateAsync(
                    assessment,
                    () => Task.FromResult(image),
                    labels,
                    stopped
                );
            }
            frames.Add(
                QualityAssessor.Judge(output, model, labels, classifier, comparisons, direct)
            );
        }
        await StoreAsync(context, assessment, SeriesQuality.Of(frames, received?.FrameTimesMs));
    }

    private async Task StoreAsync(
        ConsumeContext context,
        Assessment assessment,
        SegmentationQuality quality
    )
    {
        var (study, output) = (assessment.Study, assessment.Output);
        var cancellationToken = context.CancellationToken;
        var name = BlobNames.Quality(study, output.Model, output.Series);
        if (await blobs.TryCreateJsonAsync(name, quality, cancellationToken))
        {
            Count(study, assessment.Received?.Scanner, quality);
            LogAssessed(
                study.Tenant,
                study.StudyId,
                study.Revision,
                quality.Model,
                quality.Verdict,
                quality.References,
                quality.ReferencesFailed,
                quality.Seconds
            );
        }
        else
        {
            quality = await blobs.ReadJsonAsync<SegmentationQuality>(name, cancellationToken);
        }
        await PublishAsync(context, study, quality);
    }

    /// <summary>What can be said without references.</summary>
    private async Task<DirectEstimates> EstimateAsync(
        Assessment assessment,
        Func<Task<Volume<float>>> readImage,
        Volume<byte> labels,
        CancellationToken cancellationToken
    )
    {
        var (study, output, _, model, _) = assessment;
        var agreement = model.Quality?.Agreement is { Count: > 0 }
            ? (
                await blobs.FindJsonAsync<OutputProvenance>(
                    BlobNames.Provenance(study, output.Model, output.Series),
                    cancellationToken
                )
            )?.Agreement
            : null;
        var estimates = new DirectEstimates { Agreement = agreement };
        if (model.Quality?.Regressor is not { } regressor)
        {
            return estimates;
        }
        var estimating = Stopwatch.GetTimestamp();
        try
        {
            var network = await networks.GetAsync(regressor, cancellationToken);
            var image = await readImage();
            return estimates with
            {
                Margin = network.Manifest.Regression!.Margin,
                Regressed = await Task.Run(
                    () => new QualityRegressor(network).Predict(image, labels, cancellationToken),
                    cancellationToken
                ),
            };
        }
        catch (ModelPackageException e)
        {
            LogNoRegressor(output.Model, regressor, e);
            return estimates;
        }
        catch (VolumeException)
        {
            // A constant or non-finite image: nothing can be said of it, now or later.
            return estimates;
        }
        finally
        {
            QcMetrics.Observe("regress", estimating);
        }
    }

    private static Task PublishAsync(
        ConsumeContext context,
        StudyContext study,
        SegmentationQuality quality
    ) =>
        context.PublishConfirmedAsync(
            new SegmentationAssessed
            {
                Study = study,
                Series = quality.Series,
                Model = quality.Model,
                Verdict = quality.Verdict,
            },
            context.CancellationToken
        );

    private static string PartName(Assessment assessment, ReferencePart part) =>
        BlobNames.QualityPart(
            assessment.Study,
            assessment.Output.Model,
            assessment.Output.Series,
            part.Number,
            part.Parts
        );

    private static void Count(StudyContext study, string? scanner, SegmentationQuality quality)
    {
        var label = QcMetrics.Scanner(scanner);
        QcMetrics
            .Assessments.WithLabels(study.Site, label, quality.Model, quality.Verdict.ToString())
            .Inc();
        foreach (var structure in quality.Structures)
        {
            if (structure.PredictedDice is { } dice)
            {
                QcMetrics
                    .PredictedDice.WithLabels(study.Site, label, quality.Model, structure.Name)
                    .Observe(dice);
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
        "{Model} is not assessed: it asks for constrained-cnn, which is fitted to single volumes, and this is a time series of {Frames}"
    )]
    private partial void LogNoNetworkOfFrames(string model, int frames);

    [LoggerMessage(LogLevel.Warning, "{Model}: its quality regressor ({Regressor}) cannot be used")]
    private partial void LogNoRegressor(string model, string regressor, Exception exception);

    [LoggerMessage(
        LogLevel.Warning,
        "{Model} is not assessed: its reference set ({References}) is not installed"
    )]
    private partial void LogNoReferences(string model, string references);
}
