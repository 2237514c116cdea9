using MassTransit;
using Platform.Hosting;

namespace Platform.Training;

/// <summary>training as a service: it trains reverse classifiers on request.</summary>
public static class TrainingService
{
    /// <summary>Serves until SIGTERM, then finishes what is in hand.</summary>
    /// <param name="args">Settings (<c>--Section:Key=value</c>).</param>
    public static async Task RunAsync(string[] args)
    {
        var builder = PlatformHost.CreateBuilder(args, "training");
        builder.AddTraining();
        builder.AddBus(AddConsumers);
        var app = builder.Build();
        app.MapPlatform();
        await app.RunAsync();
    }

    /// <summary>Adds what the consumer needs, with the options of section "Training".</summary>
    public static void AddTraining(this WebApplicationBuilder builder)
    {
        builder.AddBlobs();
        builder.AddValidatedOptions<TrainingOptions>("Training");
    }

    /// <summary>Consumes <see cref="Contracts.TrainReverseClassifier"/>.</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus) =>
        bus.AddConsumer<TrainReverseClassifierConsumer, TrainReverseClassifierConsumerDefinition>();
}
