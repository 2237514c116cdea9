using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.SuperResolution;

/// <summary>super-resolution, as part of a host.</summary>
public static class SuperResolutionService
{
    private static readonly ServedModels Models = ServingHost.Models(
        ModelTask.SuperResolution,
        services => services.GetRequiredService<IOptions<SuperResolutionOptions>>().Value.Configured
    );

    /// <summary>Adds the models of section "SuperResolution", loaded while the host starts.</summary>
    public static void AddSuperResolution(this WebApplicationBuilder builder)
    {
        builder.AddValidatedOptions<SuperResolutionOptions>("SuperResolution");
        builder.AddServing(Models);
    }

    /// <summary>Maps the Open Inference Protocol's gRPC service.</summary>
    public static void MapSuperResolution(this WebApplication app) => app.MapServing();

    /// <summary>Consumes <see cref="Contracts.SuperResolveVolume"/> from both queues of every model served.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus) =>
        bus.AddModelConsumer<SuperResolveVolumeConsumer>(Models, ServingHost.CommandsInHand);
}
