using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.Hosting;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>qc, as part of a host.</summary>
public static class QcService
{
    /// <summary>Adds what the consumer needs, with the options of section "Qc".</summary>
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
        builder.Services.AddSingleton<ReferenceSets>();
    }

    /// <summary>Consumes VolumeSegmented.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus) =>
        bus.AddConsumer<VolumeSegmentedConsumer, VolumeSegmentedConsumerDefinition>();
}
