using System.Diagnostics;
using System.Net;
using System.Text;
using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Contracts;
using Platform.Testing;

namespace Platform.Hosting.Tests;

[Collection("RabbitMQ")]
public sealed class RabbitMqBusTests(RabbitMqServer broker) : BusContract
{
    protected override async Task<Dictionary<string, string?>> SettingsAsync() =>
        broker.Settings(await broker.CreateVirtualHostAsync());

    [Fact]
    public async Task A_poison_message_waits_in_the_error_queue_and_every_queue_is_a_quorum_queue()
    {
        var settings = await SettingsAsync();
        var virtualHost = settings["Bus:VirtualHost"]!;
        await using var host = await StartAsync(
            settings,
            bus =>
            {
                bus.AddConsumer<Failing, Failing.Definition>();
                bus.AddConsumer<FaultCollector, FaultCollector.Definition>();
                bus.AddModelConsumer<Segmenter>(Brain);
                bus.DeclareModelQueues(Brain);
            },
            ("Bus:Retries", "1")
        );
        var study = TestStudy.New();
        await host.Services.GetRequiredService<IBus>().Publish(new StudyReceived { Study = study });
        Assert.Equal("fault", (await NextAsync(host)).Queue);

        await using var connection = await broker.ConnectAsync(virtualHost);
        await using var channel = await connection.CreateChannelAsync();
        var waiting = await EventuallyAsync(() =>
            channel.BasicGetAsync("preprocessing_error", autoAck: false)
        );
        // As in the documents: enums travel by name.
        var body = Encoding.UTF8.GetString(waiting.Body.Span);
        Assert.Contains(study.StudyId, body, StringComparison.Ordinal);
        Assert.Contains("Routine", body, StringComparison.OrdinalIgnoreCase);
        Assert.InRange(body.Length, 1, 4096);
        string[] expected =
        [
            "model-brain",
            "model-brain-stat",
            "model-brain-stat_error",
            "model-brain_error",
            "preprocessing",
            "preprocessing_error",
            "results",
            "results_error",
        ];
        var queues = await EventuallyAsync(async () =>
        {
            var found = await broker.QueuesAsync(virtualHost);
            return found.Count >= expected.Length ? found : null;
        });
        Assert.Equal(expected, queues.Select(q => q.Name).Order(StringComparer.Ordinal));
        Assert.All(queues, queue => Assert.Equal("quorum", queue.Type));
    }

    /// <summary>Some hosts in a hundred stayed unready while each declared the models' queues beside its own starting bus.</summary>
    [Fact]
    public async Task Hosts_that_start_together_on_an_empty_broker_are_all_ready()
    {
        for (var round = 0; round < 20; round++)
        {
            var settings = await SettingsAsync();
            var hosts = await Task.WhenAll(
                StartAsync(settings, Chain),
                StartAsync(settings, Chain)
            );
            foreach (var host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_bus_that_does_not_start_though_the_broker_answers_is_not_live()
    {
        var settings = await SettingsAsync();
        await using (var connection = await broker.ConnectAsync(settings["Bus:VirtualHost"]!))
        await using (var channel = await connection.CreateChannelAsync())
        {
            await channel.QueueDeclareAsync(QueueNames.Preprocessing, false, false, false);
        }
        settings["Bus:StuckSeconds"] = "1";
        await using var host = await TestHost.StartAsync(
            new(settings) { ["Blobs:Path"] = Folder },
            bus => bus.AddConsumer<Planner, Planner.Definition>(),
            wait: false
        );
        using var http = new HttpClient { BaseAddress = new(host.Urls.First()) };
        var said = await EventuallyAsync(async () =>
        {
            using var answer = await http.GetAsync(new Uri("/health/live", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.ServiceUnavailable
                ? await answer.Content.ReadAsStringAsync()
                : null;
        });
        Assert.Equal("Unhealthy\nstuck-bus: Unhealthy", said);
    }

    [Fact]
    public async Task A_command_for_a_model_without_a_queue_is_refused_to_the_sender()
    {
        await using var host = await StartAsync(await SettingsAsync(), _ => { });
        await Assert.ThrowsAsync<MessageReturnedException>(() =>
            host
                .Services.GetRequiredService<IBus>()
                .SendToModelAsync(TestStudy.Command(TestStudy.New()), default)
        );
    }

    [Fact]
    public async Task A_command_waits_while_no_pod_of_its_model_runs()
    {
        var settings = await SettingsAsync();
        var study = TestStudy.New();
        await using (
            var sender = await StartAsync(
                settings,
                bus =>
                {
                    bus.DeclareModelQueues(Brain);
                    // Declares where the answer goes, as an installation does: an event without a queue would be dropped.
                    bus.AddConsumer<Collector, Collector.Definition>();
                }
            )
        )
        {
            var bus = sender.Services.GetRequiredService<IBus>();
            await EventuallyAsync(async () =>
            {
                try
                {
                    await bus.SendToModelAsync(TestStudy.Command(study), default);
                    return "sent";
                }
                catch (MessageReturnedException)
                {
                    return null;
                }
            });
        }
        await using var pod = await StartAsync(
            settings,
            bus =>
            {
                bus.AddModelConsumer<Segmenter>(Brain);
                bus.AddConsumer<Collector, Collector.Definition>();
            }
        );
        Assert.Equal(study.StudyId, (await NextAsync(pod)).StudyId);
    }

    [Fact]
    public async Task An_install_job_declares_every_queue_and_ends()
    {
        var settings = await SettingsAsync();
        await using var job = await StartAsync(
            settings,
            bus =>
            {
                bus.AddConsumer<Planner, Planner.Definition>();
                bus.AddModelConsumer<Segmenter>(Brain);
            },
            ("Bus:DeclareOnly", "true")
        );
        await job.WaitForShutdownAsync().WaitAsync(TimeSpan.FromSeconds(30));
        var queues = await EventuallyAsync(async () =>
        {
            var found = await broker.QueuesAsync(settings["Bus:VirtualHost"]!);
            return found.Count >= 6 ? found : null;
        });
        Assert.Equal(
            [
                "model-brain",
                "model-brain-stat",
                "model-brain-stat_error",
                "model-brain_error",
                "preprocessing",
                "preprocessing_error",
            ],
            queues.Select(q => q.Name).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task A_message_whose_consumer_loses_its_connection_is_delivered_again()
    {
        var settings = await SettingsAsync();
        Interrupted.Reset();
        await using var host = await StartAsync(
            settings,
            bus => bus.AddConsumer<Interrupted, Interrupted.Definition>()
        );
        var study = TestStudy.New();
        await host.Services.GetRequiredService<IBus>().Publish(new StudyReceived { Study = study });
        await Interrupted.Began.Task.WaitAsync(TimeSpan.FromSeconds(20));
        try
        {
            await broker.CloseConnectionsAsync(settings["Bus:VirtualHost"]!);
        }
        finally
        {
            Interrupted.Release.SetResult();
        }
        // The work is done, but its acknowledgement had no way back.
        await Interrupted.BeganAgain.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static async Task<T> EventuallyAsync<T>(Func<Task<T?>> find, double seconds = 30)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (await find() is { } found)
            {
                return found;
            }
            await Task.Delay(100);
        }
        throw new TimeoutException($"not within {seconds} s");
    }

    internal sealed class Interrupted : IConsumer<StudyReceived>
    {
        private static int s_deliveries;

        public static TaskCompletionSource Began { get; private set; } = new();

        public static TaskCompletionSource BeganAgain { get; private set; } = new();

        public static TaskCompletionSource Release { get; private set; } = new();

        public static void Reset() =>
            (s_deliveries, Began, BeganAgain, Release) = (0, new(), new(), new());

        public Task Consume(ConsumeContext<StudyReceived> context)
        {
            if (Interlocked.Increment(ref s_deliveries) == 1)
            {
                Began.SetResult();
            }
            else
            {
                BeganAgain.TrySetResult();
            }
            return Release.Task;
        }

        internal sealed class Definition : ConsumerDefinition<Interrupted>
        {
            public Definition() => EndpointName = "interrupted";
        }
    }
}

[CollectionDefinition("RabbitMQ")]
public sealed class RabbitMqTests : ICollectionFixture<RabbitMqServer>;
