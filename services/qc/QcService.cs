using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.Qc;

/// <summary>qc, as part of a host.</summary>
public static class QcService
{
    /// <summary>Adds what the consumers need, with the options of sections "Qc" and "Inference".</summary>
    public static void AddQc(this WebApplicationBuilder builder)
    {
        builder.AddBlobs();
        builder.AddValidatedOptions<QcOptions>("Qc");
        builder.Services.TryAddSingleton(services =>
        {
            var blobs = services.GetRequiredService<IBlobStore>();
            return new ModelRepository(
                (prefix, token) => blobs.ListAsync(prefix, token).Select(blob => blob.Name),
                blobs.OpenReadAsync
            );
        });
        builder.AddValidatedOptions<InferenceOptions>("Inference");
        builder.Services.TryAddSingleton<ModelPool>();
        builder.Services.AddSingleton<ReferenceSets>();
        builder.Services.AddSingleton<FittedNetworks>();
        builder.Services.AddSingleton<AssessmentStage>();
        builder.Services.AddHostedService<ReferenceLoader>();
    }

    /// <summary>Consumes VolumeSegmented, ReverseClassifierTrained and AssessReferences; where training runs, commands wait in its queue.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<VolumeSegmentedConsumer, VolumeSegmentedConsumerDefinition>();
        bus.AddConsumer<AssessReferencesConsumer, AssessReferencesConsumerDefinition>();
        bus.DeclareQueues(services =>
            services.GetRequiredService<IOptions<QcOptions>>().Value.Training
                ? [QueueNames.Training]
                : []
        );
    }
}

/// <summary>Loads the reference sets of the installed models while the host starts, so that the first study does not wait for them.</summary>
internal sealed partial class ReferenceLoader(
    ModelRepository models,
    ReferenceSets references,
    ILogger<ReferenceLoader> logger
) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The host goes on starting meanwhile.
        await Task.Yield();
        try
        {
            var sets = (await models.ListAsync(stoppingToken)).Select(m => m.Quality?.References);
            foreach (var set in sets.OfType<string>().Distinct())
            {
                await references.FindAsync(set, stoppingToken);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The study that needs it says what is wrong, and is tried again.
            LogNotLoaded(e);
        }
    }

    [LoggerMessage(LogLevel.Error, "the reference sets could not be loaded ahead")]
    private partial void LogNotLoaded(Exception exception);
}
