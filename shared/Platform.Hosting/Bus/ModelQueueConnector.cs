using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>Attaches a consumer to both queues of every model served, once the models are known.</summary>
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
