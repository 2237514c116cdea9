using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>Which models a process serves; asked once, after the packages are installed and before the first message.</summary>
/// <param name="services">The host's services.</param>
/// <param name="cancellationToken">Cancelled where the host stops meanwhile.</param>
/// <returns>Names of models, as name or name@version.</returns>
public delegate Task<IReadOnlyList<string>> ServedModels(
    IServiceProvider services,
    CancellationToken cancellationToken
);

/// <summary>Queues that are known only once the installed models are: one a model and a <c>-stat</c> queue beside it.</summary>
public static class ModelQueues
{
    /// <summary>
    /// Adds a consumer that listens on both queues of every model the process serves. Each queue has its own prefetch of
    /// <paramref name="concurrency"/>, so a command in the <c>-stat</c> queue never waits behind routine ones that have not begun.
    /// </summary>
    public static void AddModelConsumer<TConsumer>(
        this IBusRegistrationConfigurator bus,
        ServedModels models,
        int concurrency = 1
    )
        where TConsumer : class, IConsumer
    {
        bus.AddConsumer<TConsumer>().ExcludeFromConfigureEndpoints();
        bus.AddSingleton<IHostedService>(services => new ModelQueueConnector<TConsumer>(
            services,
            models,
            concurrency
        ));
    }
}

internal sealed class ModelQueueConnector<TConsumer>(
    IServiceProvider services,
    ServedModels models,
    int concurrency
) : IHostedService
    where TConsumer : class, IConsumer
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var connector = services.GetRequiredService<IReceiveEndpointConnector>();
        var options = services.GetRequiredService<IOptions<BusOptions>>().Value;
        foreach (var model in await models(services, cancellationToken))
        {
            foreach (var priority in Enum.GetValues<StudyPriority>())
            {
                connector.ConnectReceiveEndpoint(
                    QueueNames.Model(model, priority),
                    (context, endpoint) =>
                    {
                        endpoint.ConfigureConsumeTopology = false;
                        endpoint.ConcurrentMessageLimit = concurrency;
                        DeliveryPolicy.Apply(endpoint, options);
                        endpoint.ConfigureConsumer<TConsumer>(context);
                    }
                );
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
