using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Platform.Hosting;

/// <summary>Names of queues that a process declares beside those it consumes.</summary>
internal sealed record DeclaredQueues(
    Func<IServiceProvider, CancellationToken, Task<IReadOnlyList<string>>> Names
);

/// <summary>
/// Declares a process's queues and their error queues before its bus connects, one process of the installation at a time.
/// RabbitMQ before 4.1 may close a connection that declares a quorum queue while another does (INTERNAL_ERROR; rabbitmq-server pull
/// request 13727), and a MassTransit bus whose connection is closed while its endpoints start may stay unready for ever.
/// </summary>
internal sealed class QueueDeclarer(
    IServiceProvider services,
    IEnumerable<DeclaredQueues> others,
    IOptions<BusOptions> options,
    IHostApplicationLifetime lifetime
)
{
    /// <summary>A queue that only one connection may have, and that goes with it: the broker's own mutual exclusion.</summary>
    private const string Turn = "queue-declarer";
    private const ushort ResourceLocked = 405;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly ConcurrentDictionary<string, bool> _endpoints = new();

    /// <summary>Adds the queue of an endpoint that is no model's.</summary>
    public void Add(string queue) => _endpoints[queue] = true;

    /// <summary>Called by the bus whenever it is about to connect; what it throws is tried again as a connection that failed.</summary>
    public async Task DeclareAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(
            lifetime.ApplicationStopping
        );
        try
        {
            var queues = await QueuesAsync(lifetime.ApplicationStopping);
            deadline.CancelAfter(Patience);
            await using var connection = await options.Value.ConnectAsync(deadline.Token);
            await TakeTurnAsync(connection, deadline.Token);
            await using var channel = await connection.CreateChannelAsync(
                cancellationToken: deadline.Token
            );
            foreach (var queue in queues)
            {
                await DeclareAsync(channel, queue, deadline.Token);
                await DeclareAsync(channel, queue + "_error", deadline.Token);
            }
        }
        catch (Exception e)
            when (e is RabbitMQClientException or IOException or OperationCanceledException)
        {
            throw new RabbitMqConnectionException("the queues could not be declared", e);
        }
    }

    private async Task<IReadOnlyList<string>> QueuesAsync(CancellationToken cancellationToken)
    {
        var queues = new List<string>(_endpoints.Keys);
        foreach (var declared in others)
        {
            queues.AddRange(await declared.Names(services, cancellationToken));
        }
        return queues;
    }

    /// <summary>Waits until no other process declares. The turn ends with the connection, also where the process dies.</summary>
    private static async Task TakeTurnAsync(
        IConnection connection,
        CancellationToken cancellationToken
    )
    {
        while (true)
        {
            // A refusal closes the channel.
            await using var channel = await connection.CreateChannelAsync(
                cancellationToken: cancellationToken
            );
            try
            {
                await channel.QueueDeclareAsync(
                    Turn,
                    durable: false,
                    exclusive: true,
                    autoDelete: false,
                    cancellationToken: cancellationToken
                );
                return;
            }
            catch (OperationInterruptedException e)
                when (e.ShutdownReason?.ReplyCode == ResourceLocked)
            {
                await Task.Delay(Pause, cancellationToken);
            }
        }
    }

    /// <summary>Exactly as MassTransit declares a receive endpoint's, so that either may come first.</summary>
    private static async Task DeclareAsync(
        IChannel channel,
        string queue,
        CancellationToken cancellationToken
    )
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
        await channel.QueueBindAsync(queue, queue, "", cancellationToken: cancellationToken);
    }
}
