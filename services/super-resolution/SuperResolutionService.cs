using MassTransit;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.SuperResolution;

/// <summary>super-resolution, as part of a host.</summary>
public static class SuperResolutionService
{
    private static readonly ServedModels Models = ServingHost.Models<SuperResolutionOptions>(
        ModelTask.SuperResolution
    );

    /// <summary>Adds the models of section "SuperResolution", loaded while the host starts.</summary>
    public static void AddSuperResolution(this WebApplicationBuilder builder)
    {
        builder.AddValidatedOptions<SuperResolutionOptions>("SuperResolution");
        builder.AddServing(Models);
    }

    /// <summary>Consumes <see cref="Contracts.SuperResolveVolume"/> from both queues of every model served.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus) =>
        bus.AddModelConsumer<SuperResolveVolumeConsumer>(Models, ServingHost.CommandsInHand);
}
