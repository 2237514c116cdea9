using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Testing;

namespace Platform.Hosting.Tests;

/// <summary>What the bus promises over either transport.</summary>
public abstract class BusContract : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    protected abstract Task<Dictionary<string, string?>> SettingsAsync();

    /// <summary>For the blobs.</summary>
    protected string Folder => _folder.Path;

    [Fact]
    public async Task A_study_flows_from_an_event_to_the_queue_of_its_priority_and_back_in_one_trace()
    {
        using var spans = new TracedSpans();
        await using var host = await StartAsync(await SettingsAsync(), Chain);
        foreach (var priority in Enum.GetValues<StudyPriority>())
        {
            await host
                .Services.GetRequiredService<IBus>()
                .Publish(new StudyReceived { Study = TestStudy.New(priority) });
        }
        var seen = new[] { await NextAsync(host), await NextAsync(host) };
        Assert.Equal(["model-brain", "model-brain-stat"], seen.Select(s => s.Queue).Order());
        // Each study's four hops are of one trace, and the two studies' traces differ.
        var traces = seen.Select(s => s.Trace).ToHashSet();
        Assert.Equal(2, traces.Count);
        Assert.DoesNotContain(default, traces);
        foreach (var trace in traces)
        {
            var names = spans.Of(trace);
            Assert.Contains(
                names,
                n => n.Contains(nameof(StudyReceived), StringComparison.Ordinal)
            );
            Assert.Contains(names, n => n.Contains("model-brain", StringComparison.Ordinal));
            Assert.Contains(names, n => n.Contains("results", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_fault_is_tried_again_and_then_published()
    {
        await using var host = await StartAsync(
            await SettingsAsync(),
            bus =>
            {
                bus.AddConsumer<Failing, Failing.Definition>();
                bus.AddConsumer<FaultCollector, FaultCollector.Definition>();
            },
            ("Bus:Retries", "2")
        );
        var study = TestStudy.New();
        await host.Services.GetRequiredService<IBus>().Publish(new StudyReceived { Study = study });
        var seen = await NextAsync(host);
        Assert.Equal(study.StudyId, seen.StudyId);
        Assert.Equal(3, Failing.Attempts[study.StudyId]);
    }

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected async Task<WebApplication> StartAsync(
        Dictionary<string, string?> settings,
        Action<IBusRegistrationConfigurator> consumers,
        params (string Key, string Value)[] more
    )
    {
        var all = new Dictionary<string, string?>(settings) { ["Blobs:Path"] = _folder.Path };
        foreach (var (key, value) in more)
        {
            all[key] = value;
        }
        return await TestHost.StartAsync(all, consumers);
    }

    private protected static async Task<Seen> NextAsync(WebApplication host, double seconds = 30)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        return await host
            .Services.GetRequiredService<Channel<Seen>>()
            .Reader.ReadAsync(deadline.Token);
    }

    private protected static Task<IReadOnlyList<string>> Brain(
        IServiceProvider services,
        CancellationToken cancellationToken
    ) => Task.FromResult<IReadOnlyList<string>>(["brain@1.0.0"]);

    private protected static void Chain(IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<Planner, Planner.Definition>();
        bus.AddConsumer<Collector, Collector.Definition>();
        bus.AddModelConsumer<Segmenter>(Brain);
        bus.DeclareModelQueues(Brain);
    }

    internal sealed class Planner : IConsumer<StudyReceived>
    {
        public Task Consume(ConsumeContext<StudyReceived> context) =>
            context.SendToModelAsync(TestStudy.Command(context.Message.Study));

        internal sealed class Definition : ConsumerDefinition<Planner>
        {
            public Definition() => EndpointName = QueueNames.Preprocessing;
        }
    }

    internal sealed class Segmenter : IConsumer<SegmentVolume>
    {
        public Task Consume(ConsumeContext<SegmentVolume> context) =>
            context.Publish(
                new VolumeSegmented
                {
                    Study = context.Message.Study,
                    Series = context.ReceiveContext.InputAddress.AbsolutePath.Split('/')[^1],
                    Model = context.Message.Model,
                }
            );
    }

    internal sealed class Collector(Channel<Seen> seen) : IConsumer<VolumeSegmented>
    {
        public async Task Consume(ConsumeContext<VolumeSegmented> context) =>
            await seen.Writer.WriteAsync(
                new(
                    context.Message.Study.StudyId,
                    context.Message.Series,
                    Activity.Current?.TraceId ?? default
                )
            );

        internal sealed class Definition : ConsumerDefinition<Collector>
        {
            public Definition() => EndpointName = QueueNames.Results;
        }
    }

    internal sealed class Failing : IConsumer<StudyReceived>
    {
        public static readonly ConcurrentDictionary<string, int> Attempts = new();

        public Task Consume(ConsumeContext<StudyReceived> context)
        {
            Attempts.AddOrUpdate(context.Message.Study.StudyId, 1, (_, n) => n + 1);
            throw new InvalidOperationException("poison");
        }

        internal sealed class Definition : ConsumerDefinition<Failing>
        {
            public Definition() => EndpointName = QueueNames.Preprocessing;
        }
    }

    internal sealed class FaultCollector(Channel<Seen> seen) : IConsumer<Fault<StudyReceived>>
    {
        public async Task Consume(ConsumeContext<Fault<StudyReceived>> context) =>
            await seen.Writer.WriteAsync(
                new(context.Message.Message.Study.StudyId, "fault", default)
            );

        internal sealed class Definition : ConsumerDefinition<FaultCollector>
        {
            public Definition() => EndpointName = QueueNames.Results;
        }
    }

    /// <summary>Ended spans of the bus, by trace.</summary>
    private sealed class TracedSpans : IDisposable
    {
        private readonly ConcurrentBag<(ActivityTraceId Trace, string Name)> _spans = [];
        private readonly ActivityListener _listener;

        public TracedSpans()
        {
            _listener = new()
            {
                ShouldListenTo = source => source.Name == "MassTransit",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
                    ActivitySamplingResult.AllData,
                ActivityStarted = activity => _spans.Add((activity.TraceId, activity.DisplayName)),
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public List<string> Of(ActivityTraceId trace) =>
            [.. _spans.Where(s => s.Trace == trace).Select(s => s.Name)];

        public void Dispose() => _listener.Dispose();
    }
}

/// <summary>What a consumer saw.</summary>
internal sealed record Seen(string StudyId, string Queue, ActivityTraceId Trace);

internal static class TestStudy
{
    public static StudyContext New(StudyPriority priority = StudyPriority.Routine) =>
        new()
        {
            Tenant = "tenant",
            StudyId = Guid.NewGuid().ToString("n"),
            Revision = 1,
            CorrelationId = Guid.NewGuid(),
            Priority = priority,
        };

    public static SegmentVolume Command(StudyContext study) =>
        new()
        {
            Study = study,
            Series = "s1",
            Model = "brain@1.0.0",
        };
}
