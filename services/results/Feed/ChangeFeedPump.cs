using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Platform.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Platform.Results;

/// <summary>
/// Publishes the change feed to the broker's topic exchange, each tenant's events in order, each at least once: the position is
/// stored after the broker has confirmed, so an outage delays events and loses none. One replica at a time serves a tenant.
/// </summary>
internal sealed partial class ChangeFeedPump(
    IDbContextFactory<ResultsDb> databases,
    ProjectionSignal signal,
    TenantDirectory tenants,
    IOptions<ResultsOptions> options,
    IOptions<BusOptions> bus,
    TimeProvider time,
    ILogger<ChangeFeedPump> logger
) : BackgroundService
{
    private const int BatchSize = 100;
    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await PumpAsync(stoppingToken);
            }
            // The broker or the database is away: everything is still in the feed.
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogInterrupted(logger, e.GetType().Name);
                await Task.Delay(Reconnect, time, stoppingToken);
            }
        }
    }

    private async Task PumpAsync(CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            HostName = bus.Value.Host,
            Port = bus.Value.Port,
            VirtualHost = bus.Value.VirtualHost,
            UserName = bus.Value.Username!,
            Password = bus.Value.Password!,
            ClientProvidedName = "results change feed",
            // A lost connection ends the loop; the next one starts from the stored position.
            AutomaticRecoveryEnabled = false,
        };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true),
            cancellationToken
        );
        await channel.ExchangeDeclareAsync(
            options.Value.EventsExchange,
            ExchangeType.Topic,
            durable: true,
            cancellationToken: cancellationToken
        );
        while (true)
        {
            var next = signal.Next;
            var more = false;
            foreach (var tenant in tenants.Names)
            {
                more |= await PublishBatchAsync(channel, tenant, cancellationToken);
            }
            if (!more)
            {
                await signal.WaitAsync(next, options.Value.PollEvery, cancellationToken);
            }
            if (channel.CloseReason is { } reason)
            {
                throw new AlreadyClosedException(reason);
            }
        }
    }

    private async Task<bool> PublishBatchAsync(
        IChannel channel,
        string tenant,
        CancellationToken cancellationToken
    )
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"INSERT INTO feed_positions (tenant, position) VALUES ({tenant}, 0) ON CONFLICT DO NOTHING",
            cancellationToken
        );
        var positions = db.Database.IsNpgsql()
            ? db.FeedPositions.FromSql(
                $"SELECT * FROM feed_positions WHERE tenant = {tenant} FOR UPDATE SKIP LOCKED"
            )
            : db.FeedPositions.Where(p => p.Tenant == tenant);
        if (await positions.AsNoTracking().ToListAsync(cancellationToken) is not [var position])
        {
            return false;
        }
        var batch = await db
            .Changes.AsNoTracking()
            .Where(c => c.Tenant == tenant && c.Sequence > position.Position)
            .OrderBy(c => c.Sequence)
            .Take(BatchSize)
            .ToListAsync(cancellationToken);
        if (batch.Count > 0)
        {
            await PublishAsync(channel, batch, cancellationToken);
            await db
                .FeedPositions.Where(p => p.Tenant == tenant)
                .ExecuteUpdateAsync(
                    update => update.SetProperty(p => p.Position, batch[^1].Sequence),
                    cancellationToken
                );
        }
        await transaction.CommitAsync(cancellationToken);
        return batch.Count == BatchSize;
    }

    /// <summary>Returns once the broker has confirmed every message; gives up where it does not, for a transaction is open meanwhile.</summary>
    private async Task PublishAsync(
        IChannel channel,
        List<ChangeRow> batch,
        CancellationToken cancellationToken
    )
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        foreach (var change in batch)
        {
            await channel.BasicPublishAsync(
                options.Value.EventsExchange,
                $"{change.Tenant}.{change.Type}",
                mandatory: false,
                new BasicProperties
                {
                    MessageId = change.EventId,
                    ContentType = "application/cloudevents+json",
                    DeliveryMode = DeliveryModes.Persistent,
                },
                Encoding.UTF8.GetBytes(change.Json),
                deadline.Token
            );
            ResultsMetrics.Published.Inc();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "publishing the change feed was interrupted ({Error}); it goes on where it stopped"
    )]
    private static partial void LogInterrupted(ILogger logger, string error);
}
