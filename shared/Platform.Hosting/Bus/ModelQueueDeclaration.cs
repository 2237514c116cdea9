using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>
/// Declares both queues of every model once, while the host starts, with what <see cref="ModelQueueConnector{TConsumer}"/> declares:
/// a command finds its queue although no pod of the model has ever run. Until the broker answers it tries again.
/// </summary>
internal sealed partial class ModelQueueDeclaration(
    IServiceProvider services,
    ServedModels models,
    IOptions<BusOptions> options,
    ILogger<ModelQueueDeclaration> logger
) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Transport != BusTransport.RabbitMq)
        {
            return;
        }
        var names = await models(services, stoppingToken);
        while (names.Count > 0 && !await TryDeclareAsync(names, stoppingToken))
        {
            await Task.Delay(Pause, stoppingToken);
        }
    }

    private async Task<bool> TryDeclareAsync(
        IReadOnlyList<string> names,
        CancellationToken cancellationToken
    )
    {
        var bus = Bus.Factory.CreateUsingRabbitMq(transport =>
        {
            transport.Host(options.Value);
            transport.DeployTopologyOnly = true;
            foreach (var name in names)
            {
                foreach (var priority in Enum.GetValues<StudyPriority>())
                {
                    transport.ReceiveEndpoint(
                        QueueNames.Model(name, priority),
                        endpoint =>
                        {
                            endpoint.ConfigureConsumeTopology = false;
                            DeliveryPolicy.Apply(endpoint, options.Value);
                        }
                    );
                }
            }
        });
        try
        {
            await bus.DeployAsync(cancellationToken);
            LogDeclared(names.Count);
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogNotDeclared(e);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Information, "the queues of {Models} models are declared")]
    private partial void LogDeclared(int models);

    [LoggerMessage(LogLevel.Warning, "the models' queues could not be declared; tried again")]
    private partial void LogNotDeclared(Exception e);
}
