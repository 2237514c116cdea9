using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.Hosting;
using Platform.Inference;

namespace Platform.Preprocessing;

/// <summary>preprocessing, as part of a host.</summary>
public static class PreprocessingService
{
    /// <summary>Adds what the consumers need, with the options of section "Preprocessing".</summary>
    public static void AddPreprocessing(this WebApplicationBuilder builder)
    {
        builder.AddBlobs();
        builder.AddValidatedOptions<PreprocessingOptions>("Preprocessing");
        builder.Services.TryAddSingleton(services =>
        {
            var blobs = services.GetRequiredService<IBlobStore>();
            return new ModelRepository(
                (prefix, token) => blobs.ListAsync(prefix, token).Select(blob => blob.Name),
                blobs.OpenReadAsync
            );
        });
        builder.Services.AddSingleton<SeriesReader>();
        builder.Services.AddSingleton<SequenceAligner>();
        builder.Services.AddSingleton<StudyPreprocessor>();
    }

    /// <summary>Consumes StudyReceived and VolumeSuperResolved; declares the queues of every installed model, to which it sends.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<StudyReceivedConsumer, StudyReceivedConsumerDefinition>();
        bus.AddConsumer<VolumeSuperResolvedConsumer, VolumeSuperResolvedConsumerDefinition>();
        bus.DeclareModelQueues(
            async (services, token) =>
                [
                    .. (
                        await services.GetRequiredService<ModelRepository>().ListAsync(token)
                    ).Select(model => model.Id),
                ]
        );
    }
}
