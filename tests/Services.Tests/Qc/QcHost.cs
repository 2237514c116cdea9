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

/// <summary>qc as its Program makes it, over a folder with one segmentation to assess, and what it says on the bus.</summary>
internal sealed class QcHost : IAsyncDisposable
{
    public const string Model = "heads@1.0.0";
    public const string Series = "s1";

    private readonly WebApplication _app;

    private QcHost(WebApplication app) => _app = app;

    public static StudyContext Study { get; } =
        new()
        {
            Tenant = "north-hospital",
            StudyId = new('c', 32),
            Revision = 1,
            CorrelationId = Guid.NewGuid(),
        };

    public static string QualityName => BlobNames.Quality(Study, Model, Series);

    public static string PartName(int part, int parts) =>
        BlobNames.QualityPart(Study, Model, Series, part, parts);

    public IBlobStore Blobs => _app.Services.GetRequiredService<IBlobStore>();

    public IBus Bus => _app.Services.GetRequiredService<IBus>();

    public ConcurrentQueue<SegmentationAssessed> Heard =>
        _app.Services.GetRequiredService<ConcurrentQueue<SegmentationAssessed>>();

    public static QualitySettings References() =>
        new()
        {
            References = "phantoms@1",
            PassDice = 0.6,
            ReviewDice = 0.4,
        };

    /// <summary>Starts a host; without settings over the in-memory bus.</summary>
    public static Task<QcHost> StartAsync(
        TemporaryFolder folder,
        Volume<float> image,
        Volume<byte> labels,
        QualitySettings? quality,
        double? putamenPass = null,
        IReadOnlyDictionary<string, string?>? settings = null
    ) => StartAsync(folder, [image], [labels], quality, putamenPass, settings);

    /// <summary>The same with a time series, 40 ms from frame to frame.</summary>
    public static async Task<QcHost> StartAsync(
        TemporaryFolder folder,
        IReadOnlyList<Volume<float>> images,
        IReadOnlyList<Volume<byte>> labels,
        QualitySettings? quality,
        double? putamenPass = null,
        IReadOnlyDictionary<string, string?>? settings = null
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
        builder.Configuration.AddInMemoryCollection(settings ?? new Dictionary<string, string?>());
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
        // What is published before the queue is bound reaches nobody.
        await app
            .Services.GetRequiredService<IBusControl>()
            .WaitForHealthStatus(BusHealthStatus.Healthy, TimeSpan.FromMinutes(2));
        var blobs = app.Services.GetRequiredService<IBlobStore>();
        var volumes = app.Services.GetRequiredService<VolumeStore>();
        var output = new PlannedOutput
        {
            Kind = OutputKind.Segmentation,
            Series = Series,
            Model = Model,
            Input = BlobNames.Volume(Study, Series),
            Output = BlobNames.Labels(Study, Model, Series),
        };
        await volumes.TryCreateAsync(
            output.Input,
            images.Count,
            40,
            images.ToAsyncEnumerable(),
            default
        );
        await volumes.TryCreateAsync(
            output.Output,
            labels.Count,
            40,
            labels.ToAsyncEnumerable(),
            default
        );
        await blobs.TryCreateJsonAsync(
            BlobNames.Plan(Study),
            new StudyPlan
            {
                Study = Study,
                InputDigest = "",
                CodeVersion = "0",
                Series = images.Count == 1 ? [] : [TimeSeries(images)],
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
        return new(app);
    }

    private static PlannedSeries TimeSeries(IReadOnlyList<Volume<float>> frames)
    {
        var (shape, spacing) = (frames[0].Geometry.Shape, frames[0].Geometry.Spacing);
        return new()
        {
            Series = Series,
            Shape = [shape.I, shape.J, shape.K],
            SpacingMm = [spacing.I, spacing.J, spacing.K],
            Frames = frames.Count,
            FrameTimesMs = [.. frames.Select((_, n) => 40.0 * n)],
            ReceivedOrientation = "RAS",
            VolumeDigest = "",
        };
    }

    /// <summary>A model of thalamus (10), putamen (12) and a structure that references know nothing of (200).</summary>
    public static ModelManifest Manifest(QualitySettings? quality, double? putamenPass = null) =>
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

    /// <summary>Says that the segmentation is stored.</summary>
    public Task SayAsync() =>
        Bus.Publish(
            new VolumeSegmented
            {
                Study = Study,
                Series = Series,
                Model = Model,
            }
        );

    /// <summary>The last of so many events.</summary>
    public async Task<SegmentationAssessed> HearAsync(int count)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (Heard.Count < count)
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromMinutes(2),
                $"{Heard.Count} of {count} events after two minutes"
            );
            await Task.Delay(20);
        }
        return Heard.Last();
    }

    public Task<SegmentationQuality> ReadAsync() =>
        Blobs.ReadJsonAsync<SegmentationQuality>(QualityName, default);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

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
