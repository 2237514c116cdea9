using MassTransit;
using Platform.Hosting;
using Platform.Inference;
using Platform.Serving;

namespace Platform.Segmentation;

/// <summary>segmentation, as part of a host.</summary>
public static class SegmentationService
{
    private static readonly ServedModels Models = ServingHost.Models<SegmentationOptions>(
        ModelTask.Segmentation
    );

    /// <summary>Adds the models of section "Segmentation", loaded while the host starts.</summary>
    public static void AddSegmentation(this WebApplicationBuilder builder)
    {
        builder.AddValidatedOptions<SegmentationOptions>("Segmentation");
        builder.AddServing(Models);
    }

    /// <summary>Consumes <see cref="Contracts.SegmentVolume"/> from both queues of every model served.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus) =>
        bus.AddModelConsumer<SegmentVolumeConsumer>(Models, ServingHost.CommandsInHand);
}
