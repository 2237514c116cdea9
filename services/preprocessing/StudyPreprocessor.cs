using System.Diagnostics;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Preprocessing;

/// <summary>
/// Turns a received revision into canonical volumes and a plan. A pure function of the manifest, the files and the installed models:
/// volumes and plan are created once, so doing it again after a crash finds or completes them. One volume, of a time series one frame, is in memory at a time.
/// </summary>
public sealed class StudyPreprocessor(
    IBlobStore blobs,
    VolumeStore volumes,
    SeriesReader reader,
    ModelRepository models,
    SequenceAligner aligner,
    IOptions<PreprocessingOptions> options
)
{
    private const string TargetOrientation = "RAS";
    private static readonly string CodeVersion = typeof(StudyPreprocessor)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>Prepares a revision.</summary>
    /// <returns>The stored plan, or why there is none.</returns>
    /// <exception cref="BlobNotFoundException">The manifest or a received file is missing.</exception>
    internal async Task<(StudyPlan? Plan, Rejection? Rejection)> PrepareAsync(
        StudyContext study,
        CancellationToken cancellationToken
    )
    {
        var started = Stopwatch.GetTimestamp();
        var manifest = await blobs.ReadJsonAsync<StudyManifest>(
            BlobNames.Manifest(study),
            cancellationToken
        );
        IReadOnlyList<ModelManifest> candidates;
        var found = new List<(PlannedSeries Series, VolumeGeometry Grid)>();
        var refused = SeriesReader.Refused(manifest.Items).ToList();
        try
        {
            candidates = await CandidatesAsync(manifest.RequestedModels, cancellationToken);
            foreach (var source in SeriesReader.Sources(manifest.Items))
            {
                await FindAsync(study, source, found, refused, cancellationToken);
            }
        }
        catch (ModelPackageException e) when (e.Fault == ModelPackageFault.UnknownModel)
        {
            return (null, new(RejectionReason.UnknownModel, e.Message));
        }
        if (found.Count == 0 && refused.Count > 0)
        {
            return (null, new(refused[0].Reason, Joined(refused.Select(Detail))));
        }
        IReadOnlyList<PlannedSeries> series = [.. found.Select(one => one.Series)];
        var planning = Stopwatch.GetTimestamp();
        var outputs = StudyPlanner.Outputs(study, series, candidates);
        if (outputs.Count == 0)
        {
            return (
                null,
                new(
                    RejectionReason.NoMatchingModel,
                    Joined([StudyPlanner.WhyNone(series, candidates), .. refused.Select(Detail)])
                )
            );
        }
        Observe("plan", planning);
        if (options.Value.AlignSequences)
        {
            var aligning = Stopwatch.GetTimestamp();
            series = await aligner.AlignAsync(study, found, cancellationToken);
            Observe("align", aligning);
        }
        var plan = new StudyPlan
        {
            Study = study,
            InputDigest = manifest.InputDigest,
            CodeVersion = CodeVersion,
            Series = series,
            RefusedSeries = refused,
            Outputs = outputs,
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
        };
        var name = BlobNames.Plan(study);
        if (!await blobs.TryCreateJsonAsync(name, plan, cancellationToken))
        {
            plan = await blobs.ReadJsonAsync<StudyPlan>(name, cancellationToken);
        }
        return (plan, null);
    }

    private static string Detail(RefusedSeries series) => series.Detail;

    private static string Joined(IEnumerable<string> details) => string.Join("; ", details);

    /// <summary>The models asked for; where none is, every installed model in its highest version.</summary>
    private async Task<IReadOnlyList<ModelManifest>> CandidatesAsync(
        IReadOnlyList<string> requested,
        CancellationToken cancellationToken
    )
    {
        if (requested.Count == 0)
        {
            var installed = await models.ListAsync(cancellationToken);
            return [.. installed.GroupBy(model => model.Name).Select(versions => versions.Last())];
        }
        var wanted = new Dictionary<string, ModelManifest>();
        foreach (var id in requested)
        {
            var model = await models.GetManifestAsync(id, cancellationToken);
            wanted[model.Id] = model;
        }
        return [.. wanted.Values];
    }

    /// <summary>Stores the volumes of one source, one after another, and names what is none.</summary>
    private async Task FindAsync(
        StudyContext study,
        SeriesSource source,
        List<(PlannedSeries Series, VolumeGeometry Grid)> found,
        List<RefusedSeries> refused,
        CancellationToken cancellationToken
    )
    {
        var label = source.Label;
        try
        {
            var opening = Stopwatch.GetTimestamp();
            using var series = await reader.OpenAsync(study, source, cancellationToken);
            Observe("open", opening);
            foreach (var part in series.Parts)
            {
                label = part.Label;
                try
                {
                    var name = $"s{found.Count + 1}";
                    found.Add(
                        await StoreAsync(study, name, part, series.Scanner, cancellationToken)
                    );
                }
                catch (VolumeException e)
                {
                    Refuse(e);
                }
            }
        }
        catch (VolumeException e)
        {
            Refuse(e);
        }

        void Refuse(VolumeException e) =>
            refused.Add(new(label, RejectionReasons.Of(e.Fault), e.Message));
    }

    private async Task<(PlannedSeries Series, VolumeGeometry Grid)> StoreAsync(
        StudyContext study,
        string series,
        SeriesPart part,
        string? scanner,
        CancellationToken cancellationToken
    )
    {
        var reading = Stopwatch.GetTimestamp();
        await using var frames = part.ReadAsync(cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        await frames.MoveNextAsync();
        Observe("read", reading);
        var orienting = Stopwatch.GetTimestamp();
        var orientation = frames.Current.Geometry.Orientation;
        var canonical = Canonical(part, 1, frames.Current);
        Observe("orient", orienting);
        var measuring = Stopwatch.GetTimestamp();
        var (noise, brightness, foreground) = ImageStatistics.Of(canonical);
        Observe("measure", measuring);
        var (shape, spacing) = (canonical.Geometry.Shape, canonical.Geometry.Spacing);
        var planned = new PlannedSeries
        {
            Series = series,
            Part = part.Name,
            Shape = [shape.I, shape.J, shape.K],
            SpacingMm = [spacing.I, spacing.J, spacing.K],
            Frames = part.Frames,
            FrameTimesMs = part.FrameTimesMs,
            ReceivedOrientation = orientation,
            VolumeDigest = "",
            Scanner = scanner,
            Statistics = new(noise, brightness, foreground),
        };
        var storing = Stopwatch.GetTimestamp();
        var stored = await volumes.TryCreateAsync(
            BlobNames.Volume(study, series),
            part.Frames,
            planned.FrameIntervalMs,
            FramesAsync(),
            cancellationToken
        );
        if (part.Origin is { } origin)
        {
            await blobs.TryCreateJsonAsync(
                BlobNames.Instances(study, series),
                origin,
                cancellationToken
            );
        }
        Observe("store", storing);
        return (planned with { VolumeDigest = stored.Sha256 }, canonical.Geometry);

        async IAsyncEnumerable<Volume<float>> FramesAsync()
        {
            yield return canonical;
            for (var n = 2; await frames.MoveNextAsync(); n++)
            {
                yield return Canonical(part, n, frames.Current);
            }
        }
    }

    /// <summary>A frame, checked and turned.</summary>
    private Volume<float> Canonical(SeriesPart part, int number, Volume<float> frame)
    {
        VolumeChecks.Check(
            frame,
            options.Value.MinSlices,
            part.Frames == 1 ? part.Label : $"{part.Label}, frame {number} of {part.Frames}"
        );
        return Orienter.ToOrientation(frame, TargetOrientation);
    }

    private static void Observe(string step, long since) =>
        PreprocessingMetrics
            .Duration.WithLabels(step)
            .Observe(Stopwatch.GetElapsedTime(since).TotalSeconds);
}
