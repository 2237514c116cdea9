using System.Collections.Concurrent;
using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Testing;

namespace Platform.Hosting.Tests;

/// <summary>A broker of its own: what a SIGKILL leaves unfinished in a broker must not meet other tests.</summary>
public sealed class RabbitMqOutageTests(RabbitMqServer broker)
    : IClassFixture<RabbitMqServer>,
        IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_broker_killed_while_messages_are_published_loses_none_and_readiness_tells()
    {
        var settings = broker.Settings(await broker.CreateVirtualHostAsync());
        settings["Bus:Concurrency"] = "32";
        settings["Blobs:Path"] = _folder["blobs"];
        await using var host = await TestHost.StartAsync(
            settings,
            bus => bus.AddConsumer<Counting, Counting.Definition>()
        );
        using var http = new HttpClient { BaseAddress = new(host.Urls.First()) };
        var ready = new Uri("/health/ready", UriKind.Relative);
        var bus = host.Services.GetRequiredService<IBus>();
        var studies = Enumerable.Range(0, 400).Select(_ => TestStudy.New()).ToArray();
        using var begun = new SemaphoreSlim(0);
        var interrupted = 0;
        await broker.SettledAsync();
        var publishing = Parallel.ForEachAsync(
            studies.Index(),
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (item, _) =>
            {
                if (item.Index == 50)
                {
                    begun.Release();
                }
                // As every caller does: an unconfirmed publish is an error, and is done again.
                while (true)
                {
                    try
                    {
                        await bus.PublishConfirmedAsync(
                            new StudyReceived { Study = item.Item },
                            default,
                            TimeSpan.FromSeconds(5)
                        );
                        return;
                    }
                    catch (TimeoutException)
                    {
                        Interlocked.Increment(ref interrupted);
                    }
                }
            }
        );
        await begun.WaitAsync(TimeSpan.FromSeconds(60));
        broker.Kill();
        try
        {
            await EventuallyAsync(async () => !(await http.GetAsync(ready)).IsSuccessStatusCode);
            await EventuallyAsync(() => Task.FromResult(interrupted > 0));
        }
        finally
        {
            await broker.RestartAsync();
        }
        await publishing.WaitAsync(TimeSpan.FromSeconds(90));
        await EventuallyAsync(
            () => Task.FromResult(studies.All(s => Counting.Seen.ContainsKey(s.StudyId))),
            seconds: 90
        );
        await EventuallyAsync(async () => (await http.GetAsync(ready)).IsSuccessStatusCode);
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds, double seconds = 90)
    {
        var clock = Stopwatch.StartNew();
        while (!await holds())
        {
            if (clock.Elapsed.TotalSeconds > seconds)
            {
                throw new TimeoutException($"not within {seconds} s");
            }
            await Task.Delay(100);
        }
    }

    internal sealed class Counting : IConsumer<StudyReceived>
    {
        public static readonly ConcurrentDictionary<string, int> Seen = new();

        public Task Consume(ConsumeContext<StudyReceived> context)
        {
            Seen.AddOrUpdate(context.Message.Study.StudyId, 1, (_, n) => n + 1);
            return Task.CompletedTask;
        }

        internal sealed class Definition : ConsumerDefinition<Counting>
        {
            public Definition() => EndpointName = "counting";
        }
    }
}
