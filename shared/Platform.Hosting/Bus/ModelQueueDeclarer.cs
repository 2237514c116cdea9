using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Platform.Hosting;

/// <summary>Declares each model's exchange and quorum queues exactly as its consumer does, so that either may come first.</summary>
internal sealed partial class ModelQueueDeclarer(
    IServiceProvider services,
    ServedModels models,
    IOptions<BusOptions> options,
    ILogger<ModelQueueDeclarer> logger
) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Transport != BusTransport.RabbitMq)
        {
            return;
        }
        var served = await models(services, stoppingToken);
        while (true)
        {
            try
            {
                await DeclareAsync(served, stoppingToken);
                return;
            }
            catch (Exception e) when (e is RabbitMQClientException or IOException)
            {
                LogWaiting(logger, e.GetType().Name);
                await Task.Delay(Pause, stoppingToken);
            }
        }
    }

    private async Task DeclareAsync(
        IReadOnlyList<string> served,
        CancellationToken cancellationToken
    )
    {
        var factory = new ConnectionFactory
        {
            HostName = options.Value.Host,
            Port = options.Value.Port,
            VirtualHost = options.Value.VirtualHost,
            UserName = options.Value.Username!,
            Password = options.Value.Password!,
        };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            cancellationToken: cancellationToken
        );
        foreach (var model in served)
        {
            foreach (var priority in Enum.GetValues<StudyPriority>())
            {
                var name = QueueNames.Model(model, priority);
                foreach (var queue in new[] { name, name + "_error" })
                {
                    await channel.ExchangeDeclareAsync(
                        queue,
                        ExchangeType.Fanout,
                        durable: true,
                        cancellationToken: cancellationToken
                    );
                    await channel.QueueDeclareAsync(
                        queue,
                        durable: true,
                        exclusive: false,
                        autoDelete: false,
                        new Dictionary<string, object?> { ["x-queue-type"] = "quorum" },
                        cancellationToken: cancellationToken
                    );
                    await channel.QueueBindAsync(
                        queue,
                        queue,
                        "",
                        cancellationToken: cancellationToken
                    );
                }
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the models' queues are not declared yet: {Error}"
    )]
    private static partial void LogWaiting(ILogger logger, string error);
}
