using Platform.Hosting;
using Platform.Ingest;
using Platform.Preprocessing;
using Platform.Qc;
using Platform.Results;
using Platform.Segmentation;
using Platform.Serving;
using Platform.SuperResolution;

namespace Platform.Standalone;

/// <summary>Every stage in one process, composed in the order a study flows. The only project that refers to services.</summary>
public static class StandaloneHost
{
    /// <summary>Builds the host; nothing runs before it is started.</summary>
    /// <param name="args">Command-line settings (<c>--Section:Key=value</c>), which win.</param>
    /// <param name="settings">Settings of this kind of run, which the environment and <paramref name="args"/> override.</param>
    public static WebApplication Build(string[] args, IReadOnlyDictionary<string, string?> settings)
    {
        var builder = PlatformHost.CreateBuilder(args, "standalone");
        builder.Configuration.Sources.Insert(
            0,
            new Microsoft.Extensions.Configuration.Memory.MemoryConfigurationSource
            {
                InitialData = settings,
            }
        );
        builder.AddIngest();
        builder.AddPreprocessing();
        builder.AddSegmentation();
        builder.AddSuperResolution();
        builder.AddQc();
        builder.AddResults();
        builder.Services.AddSingleton<StudiesGrpcService>();
        builder.AddBus(bus =>
        {
            PreprocessingService.AddConsumers(bus);
            SegmentationService.AddConsumers(bus);
            SuperResolutionService.AddConsumers(bus);
            QcService.AddConsumers(bus);
            ResultsService.AddConsumers(bus);
        });
        var app = builder.Build();
        app.MapPlatform();
        app.MapIngest();
        app.MapServing();
        app.MapResults();
        app.MapGrpcService<StudiesGrpcService>();
        return app;
    }
}
