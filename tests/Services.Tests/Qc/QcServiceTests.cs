using System.Collections.Concurrent;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>qc as its Program makes it, over the in-memory bus and a folder.</summary>
public sealed class QcServiceTests
{
    private const string Model = "heads@1.0.0";

    private static readonly StudyContext Study = new()
    {
        Tenant = "north-hospital",
        StudyId = new('c', 32),
        Revision = 1,
        CorrelationId = Guid.NewGuid(),
    };

    private static string QualityName => BlobNames.Quality(Study, Model, "s1");

    [Fact]
    public async Task A_segmentation_gets_a_quality_document_and_an_event_and_a_redelivery_only_the_event()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 3);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var app = await StartAsync(folder, image, Ruin.Drop(labels, 12), References());
        await SendAsync(app);
        var assessed = await NextAsync(app, 1);
        var quality = await ReadAsync(app);
        Assert.Equal(Verdict.Fail, assessed.Verdict);
        Assert.Equal("phantoms@1", quality.ReferenceSet);
        Assert.Equal("rca-single-atlas-uncalibrated", quality.Method);
        Assert.Equal((3, 0), (quality.References, quality.ReferencesFailed));
        Assert.Equal([10, 12, 200], quality.Structures.Select(s => s.Label));
        var thalamus = quality.Structures[0];
        Assert.Equal(Verdict.Pass, thalamus.Verdict);
        Assert.InRange(thalamus.PredictedDice!.Value, 0.6, 1);
        Assert.InRange(
            thalamus.PredictedDice.Value,
            thalamus.IntervalLow!.Value,
            thalamus.MaxDice!.Value
        );
        Assert.InRange(thalamus.VolumeMl, 3, 12);
        Assert.Equal(
            (0, Verdict.Fail),
            (quality.Structures[1].PredictedDice, quality.Structures[1].Verdict)
        );
        Assert.Equal(
            (null, Verdict.Unassessed),
            (quality.Structures[2].PredictedDice, quality.Structures[2].Verdict)
        );

        await SendAsync(app);
        Assert.Equal(Verdict.Fail, (await NextAsync(app, 2)).Verdict);
        Assert.Equal(quality.Seconds, (await ReadAsync(app)).Seconds);
    }

    [Fact]
    public async Task A_structure_is_judged_by_its_own_thresholds_and_the_others_by_the_models()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var app = await StartAsync(
            folder,
            image,
            labels,
            References() with
            {
                PassDice = 0.99,
            },
            putamenPass: 0.5
        );
        await SendAsync(app);
        Assert.Equal(Verdict.Review, (await NextAsync(app, 1)).Verdict);
        var structures = (await ReadAsync(app)).Structures;
        Assert.Equal((10, Verdict.Review), (structures[0].Label, structures[0].Verdict));
        Assert.Equal((12, Verdict.Pass), (structures[1].Label, structures[1].Verdict));
    }

    [Fact]
    public async Task A_model_is_judged_by_the_classifier_it_asks_for()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, 5);
        await using var app = await StartAsync(
            folder,
            image,
            Ruin.Drop(labels, 12),
            References() with
            {
                Classifier = ReverseClassifiers.AtlasForest,
            }
        );
        await SendAsync(app);
        Assert.Equal(Verdict.Fail, (await NextAsync(app, 1)).Verdict);
        var quality = await ReadAsync(app);
        Assert.Equal("rca-atlas-forest-uncalibrated", quality.Method);
        Assert.Equal((2, 0), (quality.References, quality.ReferencesFailed));
        Assert.InRange(quality.Structures[0].PredictedDice!.Value, 0.5, 1);
        Assert.Equal(0, quality.Structures[1].PredictedDice);
        Assert.Null(quality.Structures[2].PredictedDice);
    }

    [Fact]
    public async Task An_empty_segmentation_fails_with_every_known_structure_predicted_zero()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        var empty = new Volume<byte>(labels.Geometry);
        await using var app = await StartAsync(folder, image, empty, References());
        await SendAsync(app);
        Assert.Equal(Verdict.Fail, (await NextAsync(app, 1)).Verdict);
        var structures = (await ReadAsync(app)).Structures;
        Assert.Equal([0, 0, null], structures.Select(s => s.PredictedDice));
        Assert.All(structures, s => Assert.Equal(0, s.VolumeMl));
    }

    [Fact]
    public async Task A_reference_that_cannot_be_registered_is_left_out_even_where_one_remains()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        ReferencePhantoms.Write(
            folder["mine"],
            2,
            ReferencePhantoms.Noise(labels.Geometry),
            labels
        );
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        await using var app = await StartAsync(folder, image, labels, References());
        await SendAsync(app);
        Assert.Equal(Verdict.Pass, (await NextAsync(app, 1)).Verdict);
        var quality = await ReadAsync(app);
        Assert.Equal((1, 1), (quality.References, quality.ReferencesFailed));
        Assert.Equal(quality.Structures[0].MaxDice, quality.Structures[0].PredictedDice);
    }

    [Fact]
    public async Task A_model_without_references_is_unassessed_with_its_volumes()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var app = await StartAsync(folder, image, labels, quality: null);
        await SendAsync(app);
        Assert.Equal(Verdict.Unassessed, (await NextAsync(app, 1)).Verdict);
        var quality = await ReadAsync(app);
        Assert.Equal((QualityAssessor.None, null), (quality.Method, quality.ReferenceSet));
        Assert.True(quality.Structures[0].VolumeMl > 0);
        Assert.Null(quality.Structures[0].PredictedDice);
    }

    [Fact]
    public async Task A_reference_set_that_is_not_installed_leaves_the_model_unassessed()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var app = await StartAsync(folder, image, labels, References());
        await SendAsync(app);
        Assert.Equal(Verdict.Unassessed, (await NextAsync(app, 1)).Verdict);
    }

    [Fact]
    public async Task A_constant_image_fails_every_reference_and_is_unassessed_rather_than_retried()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        Array.Fill(image.Voxels, 7);
        await using var app = await StartAsync(folder, image, labels, References());
        await SendAsync(app);
        Assert.Equal(Verdict.Unassessed, (await NextAsync(app, 1)).Verdict);
        var quality = await ReadAsync(app);
        Assert.Equal((0, 2), (quality.References, quality.ReferencesFailed));
    }

    private static QualitySettings References() =>
        new()
        {
            References = "phantoms@1",
            PassDice = 0.6,
            ReviewDice = 0.4,
        };

    private static async Task<WebApplication> StartAsync(
        TemporaryFolder folder,
        Volume<float> image,
        Volume<byte> labels,
        QualitySettings? quality,
        double? putamenPass = null
    )
    {
        var builder = PlatformHost.CreateBuilder([], "qc");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Http:Port"] = "0",
                ["Http:GrpcPort"] = "0",
                ["Blobs:Path"] = folder["blobs"],
                ["Bus:RetryMinSeconds"] = "0.05",
                ["Bus:Retries"] = "2",
            }
        );
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.AddQc();
        builder.Services.AddSingleton<ConcurrentQueue<SegmentationAssessed>>();
        builder.AddBus(bus =>
        {
            QcService.AddConsumers(bus);
            bus.AddConsumer<Collector>();
        });
        var app = builder.Build();
        app.MapPlatform();
        await app.StartAsync();
        var blobs = app.Services.GetRequiredService<IBlobStore>();
        var volumes = app.Services.GetRequiredService<VolumeStore>();
        var output = new PlannedOutput
        {
            Kind = OutputKind.Segmentation,
            Series = "s1",
            Model = Model,
            Input = BlobNames.Volume(Study, "s1"),
            Output = BlobNames.Labels(Study, Model, "s1"),
        };
        await volumes.TryCreateAsync(output.Input, image, default);
        await volumes.TryCreateAsync(output.Output, labels, default);
        await blobs.TryCreateJsonAsync(
            BlobNames.Plan(Study),
            new StudyPlan
            {
                Study = Study,
                InputDigest = "",
                CodeVersion = "0",
                Series = [],
                Outputs = [output],
            },
            default
        );
        await blobs.TryCreateAsync(
            BlobNames.Model("heads", "1.0.0", "model.json"),
            (stream, token) =>
                System.Text.Json.JsonSerializer.SerializeAsync(
                    stream,
                    Manifest(quality, putamenPass),
                    ManifestReader.Options,
                    token
                ),
            default
        );
        return app;
    }

    private static ModelManifest Manifest(QualitySettings? quality, double? putamenPass) =>
        new()
        {
            Name = "heads",
            Version = "1.0.0",
            Task = ModelTask.Segmentation,
            Sha256 = new('0', 64),
            Input = new()
            {
                Channels = ["T1"],
                Normalisation = new() { LowPercentile = 1, HighPercentile = 99 },
            },
            Tiling = new()
            {
                MaxTile = [64, 64, 64],
                Multiple = 8,
                Halo = 8,
            },
            Labels =
            [
                new()
                {
                    Channel = 1,
                    Value = 10,
                    Name = "left thalamus",
                },
                new()
                {
                    Channel = 2,
                    Value = 12,
                    Name = "left putamen",
                    PassDice = putamenPass,
                },
                new()
                {
                    Channel = 3,
                    Value = 200,
                    Name = "of which references know nothing",
                },
            ],
            Routing = new(),
            Quality = quality,
            IntendedUse = "Tests.",
        };

    private static Task SendAsync(WebApplication app) =>
        app
            .Services.GetRequiredService<IBus>()
            .Publish(
                new VolumeSegmented
                {
                    Study = Study,
                    Series = "s1",
                    Model = Model,
                }
            );

    private static async Task<SegmentationAssessed> NextAsync(WebApplication app, int count)
    {
        var seen = app.Services.GetRequiredService<ConcurrentQueue<SegmentationAssessed>>();
        var deadline = TimeProvider.System.GetTimestamp();
        while (seen.Count < count)
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromMinutes(2),
                $"{seen.Count} of {count} events after two minutes"
            );
            await Task.Delay(20);
        }
        return seen.Last();
    }

    private static Task<SegmentationQuality> ReadAsync(WebApplication app) =>
        app
            .Services.GetRequiredService<IBlobStore>()
            .ReadJsonAsync<SegmentationQuality>(QualityName, default);

    private sealed class Collector(ConcurrentQueue<SegmentationAssessed> seen)
        : IConsumer<SegmentationAssessed>
    {
        public Task Consume(ConsumeContext<SegmentationAssessed> context)
        {
            seen.Enqueue(context.Message);
            return Task.CompletedTask;
        }
    }
}
