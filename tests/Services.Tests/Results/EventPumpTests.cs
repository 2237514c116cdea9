using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.Testing;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Services.Tests.Results;

/// <summary>CloudEvents through a real broker.</summary>
public sealed class EventPumpTests(RabbitMqServer broker)
    : IClassFixture<RabbitMqServer>,
        IDisposable
{
    private const string Exchange = "platform.events";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_broker_that_dies_delays_events_and_loses_none()
    {
        var virtualHost = await broker.CreateVirtualHostAsync();
        await using var host = await ResultsHost.StartAsync(
            _folder,
            null,
            [.. broker.Settings(virtualHost).Select(s => (s.Key, s.Value!)), ("Bus:Retries", "3")]
        );
        await DeclareSubscriberAsync(virtualHost);
        var expected = new List<string>();
        for (var n = 0; n < 3; n++)
        {
            expected.Add(await RejectAsync(host));
        }
        Assert.Equal(expected, (await ReceiveAsync(virtualHost, expected)).Distinct());

        await broker.SettledAsync();
        broker.Kill();
        for (var n = 0; n < 3; n++)
        {
            expected.Add(await RejectAsync(host));
        }
        await broker.RestartAsync();

        // At least once, in order: what was confirmed but not yet noted may come again, and so may what the broker lost the receipt of.
        var received = await ReceiveAsync(virtualHost, expected[3..]);
        Assert.Equal(expected[3..], received.Where(id => expected.IndexOf(id) >= 3).Distinct());
    }

    private static async Task<string> RejectAsync(ResultsHost host)
    {
        var study = await new StoredStudy(host).ReceiveAsync();
        await host.Flow.RejectAsync(
            new()
            {
                Study = study.Context,
                Stage = "preprocessing",
                Reason = RejectionReason.EmptyStudy,
                Detail = "",
            },
            CancellationToken.None
        );
        return study.Context.StudyId;
    }

    private async Task DeclareSubscriberAsync(string virtualHost)
    {
        await using var connection = await broker.ConnectAsync(virtualHost);
        await using var channel = await connection.CreateChannelAsync();
        await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Topic, durable: true);
        await channel.QueueDeclareAsync(
            "data-team",
            durable: true,
            exclusive: false,
            autoDelete: false
        );
        await channel.QueueBindAsync("data-team", Exchange, "alpha.platform.study.*");
    }

    /// <summary>Study ids of the events received, in their order, until those awaited have come.</summary>
    private async Task<List<string>> ReceiveAsync(string virtualHost, IReadOnlyList<string> awaited)
    {
        await using var connection = await broker.ConnectAsync(virtualHost);
        await using var channel = await connection.CreateChannelAsync();
        var received = new ConcurrentQueue<string>();
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            Assert.Equal("application/cloudevents+json", delivery.BasicProperties.ContentType);
            Assert.True(delivery.BasicProperties.Persistent);
            using var told = JsonDocument.Parse(Encoding.UTF8.GetString(delivery.Body.Span));
            received.Enqueue(told.RootElement.GetProperty("subject").GetString()!.Split('/')[^1]);
            await channel.BasicAckAsync(delivery.DeliveryTag, false);
        };
        await channel.BasicConsumeAsync("data-team", autoAck: false, consumer);
        await Eventually.Async(() => Task.FromResult(!awaited.Except(received).Any()));
        return [.. received];
    }
}
