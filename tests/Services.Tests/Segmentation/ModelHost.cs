using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Ingest.Tests;
using Platform.Serving;
using Platform.SuperResolution;
using Platform.Testing;

namespace Platform.Segmentation.Tests;

/// <summary>segmentation and super-resolution in one process, as standalone has them, on free ports, with tiny models.</summary>
internal sealed class ModelHost : IAsyncDisposable
{
    public const string Key = "a-key-of-the-north";

    private readonly WebApplication _app;
    private readonly TemporaryFolder _folder;

    private ModelHost(WebApplication app, MessageLog messages, TemporaryFolder folder)
    {
        (_app, Messages, _folder) = (app, messages, folder);
        GrpcAddress = new Uri(
            app.Services.GetRequiredService<IServer>()
                .Features.Get<IServerAddressesFeature>()!
                .Addresses.ElementAt(1)
        );
    }

    public MessageLog Messages { get; }
    public Uri GrpcAddress { get; }
    public IBlobStore Blobs => Service<IBlobStore>();
    public VolumeStore Volumes => Service<VolumeStore>();

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Starts a host with its own folder.</summary>
    /// <param name="settings">On top of the defaults.</param>
    /// <param name="install">Writes packages; the default is one of each kind.</param>
    public static async Task<ModelHost> StartAsync(
        Dictionary<string, string?>? settings = null,
        Action<string>? install = null
    )
    {
        var folder = new TemporaryFolder();
        install ??= path =>
        {
            TinyPackage.Segmentation(path);
            TinyPackage.SuperResolution(path);
        };
        Directory.CreateDirectory(folder["packages"]);
        install(folder["packages"]);
        var messages = new MessageLog();
        var builder = PlatformHost.CreateBuilder([], "test");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Http:Port"] = "0",
                ["Http:GrpcPort"] = "0",
                ["Blobs:Path"] = folder["blobs"],
                ["Packages:Path"] = folder["packages"],
                ["Bus:Retries"] = "1",
                ["Bus:RetryMinSeconds"] = "0.05",
                ["Tenants:0:Name"] = "north-hospital",
                ["Tenants:0:KeyHashes:0"] = ApiKeys.HashOf(Key),
                ["Tenants:0:StudySecret"] = Convert.ToBase64String(new byte[16]),
            }
        );
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(messages);
        builder.AddSegmentation();
        builder.AddSuperResolution();
        builder.AddBus(bus =>
        {
            bus.AddConsumer<Recorder>();
            SegmentationService.AddConsumers(bus);
            SuperResolutionService.AddConsumers(bus);
        });
        var app = builder.Build();
        app.MapPlatform();
        app.MapServing();
        await app.StartAsync();
        return new ModelHost(app, messages, folder);
    }

    /// <summary>Stores a volume and a plan with one output made of it, as preprocessing would.</summary>
    public Task<PlannedOutput> PlanAsync(
        StudyContext study,
        Volume<float> volume,
        OutputKind kind,
        string model,
        bool notForDiagnosis = false
    ) => PlanAsync(study, [volume], kind, model, notForDiagnosis);

    /// <summary>The same of a time series, 50 ms from frame to frame.</summary>
    public async Task<PlannedOutput> PlanAsync(
        StudyContext study,
        IReadOnlyList<Volume<float>> frames,
        OutputKind kind,
        string model,
        bool notForDiagnosis = false
    )
    {
        var volume = frames[0];
        var input = BlobNames.Volume(study, "s1");
        var stored = await Volumes.TryCreateAsync(
            input,
            frames.Count,
            50,
            frames.ToAsyncEnumerable(),
            default
        );
        var output = new PlannedOutput
        {
            Kind = kind,
            Series = "s1",
            Model = model,
            Input = input,
            Output =
                kind == OutputKind.Segmentation
                    ? BlobNames.Labels(study, model, "s1")
                    : BlobNames.SuperResolved(study, model, "s1"),
            NotForDiagnosis = notForDiagnosis,
        };
        var (i, j, k) = volume.Geometry.Shape;
        var spacing = volume.Geometry.Spacing;
        await Blobs.TryCreateJsonAsync(
            BlobNames.Plan(study),
            new StudyPlan
            {
                Study = study,
                InputDigest = "0",
                CodeVersion = "test",
                Series =
                [
                    new PlannedSeries
                    {
                        Series = "s1",
                        Shape = [i, j, k],
                        SpacingMm = [spacing.I, spacing.J, spacing.K],
                        Frames = frames.Count,
                        FrameTimesMs =
                            frames.Count > 1 ? [.. frames.Select((_, n) => 50.0 * n)] : null,
                        ReceivedOrientation = "RAS",
                        VolumeDigest = stored.Sha256,
                    },
                ],
                Outputs = [output],
            },
            default
        );
        return output;
    }

    public Task SendAsync(StudyContext study, PlannedOutput output) =>
        output.Kind == OutputKind.Segmentation
            ? Service<IBus>()
                .SendToModelAsync(
                    new SegmentVolume
                    {
                        Study = study,
                        Series = output.Series,
                        Model = output.Model,
                    },
                    default
                )
            : Service<IBus>()
                .SendToModelAsync(
                    new SuperResolveVolume
                    {
                        Study = study,
                        Series = output.Series,
                        Model = output.Model,
                    },
                    default
                );

    public static StudyContext Study(StudyPriority priority = StudyPriority.Routine) =>
        new()
        {
            Tenant = "north-hospital",
            StudyId = Guid.NewGuid().ToString("n"),
            Revision = 1,
            CorrelationId = Guid.NewGuid(),
            Priority = priority,
        };

    /// <summary>A dim cube with a bright half.</summary>
    public static Volume<float> Scan((double I, double J, double K) spacing)
    {
        var volume = new Volume<float>(VolumeGeometry.Ras((32, 32, 12), spacing));
        for (var n = 0; n < volume.Voxels.Length; n++)
        {
            var inside = n % 32 is > 3 and < 28 && n / 32 % 32 is > 3 and < 28;
            volume.Voxels[n] =
                !inside ? 0
                : n % 32 < 16 ? 300
                : 1000;
        }
        return volume;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    private sealed class Recorder(MessageLog messages)
        : IConsumer<VolumeSegmented>,
            IConsumer<VolumeSuperResolved>,
            IConsumer<StudyRejected>
    {
        public Task Consume(ConsumeContext<VolumeSegmented> context) =>
            messages.Add(context.Message);

        public Task Consume(ConsumeContext<VolumeSuperResolved> context) =>
            messages.Add(context.Message);

        public Task Consume(ConsumeContext<StudyRejected> context) => messages.Add(context.Message);
    }
}
