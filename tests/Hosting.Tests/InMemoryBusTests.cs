using System.Diagnostics;
using System.Threading.Channels;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class InMemoryBusTests
{
    [Fact]
    public async Task A_study_flows_from_an_event_to_a_model_s_queue_and_back()
    {
        using var folder = new TemporaryFolder();
        await using var host = await TestHost.StartAsync(
            new() { ["Blobs:Path"] = folder.Path },
            bus =>
            {
                bus.AddConsumer<Planner, Planner.Definition>();
                bus.AddConsumer<Collector, Collector.Definition>();
                bus.AddModelConsumer<Segmenter>(
                    (_, _) => Task.FromResult<IReadOnlyList<string>>(["brain@1.0.0"])
                );
            }
        );
        var bus = host.Services.GetRequiredService<IBus>();
        await bus.Publish(new StudyReceived { Study = Study(StudyPriority.Stat) });
        await bus.Publish(new StudyReceived { Study = Study(StudyPriority.Routine) });
        var seen = host.Services.GetRequiredService<Channel<(VolumeSegmented, string)>>().Reader;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var queues = new List<string>
        {
            (await seen.ReadAsync(deadline.Token)).Item2,
            (await seen.ReadAsync(deadline.Token)).Item2,
        };
        Assert.Equal(["model-brain", "model-brain-stat"], queues.Order());
    }

    private static StudyContext Study(StudyPriority priority) =>
        new()
        {
            Tenant = "tenant",
            StudyId = new('a', 32),
            Revision = 1,
            CorrelationId = Guid.NewGuid(),
            Priority = priority,
        };

    private sealed class Planner : IConsumer<StudyReceived>
    {
        public Task Consume(ConsumeContext<StudyReceived> context) =>
            context.SendToModelAsync(
                new SegmentVolume
                {
                    Study = context.Message.Study,
                    Series = "s1",
                    Model = "brain@1.0.0",
                }
            );

        internal sealed class Definition : ConsumerDefinition<Planner>
        {
            public Definition() => EndpointName = QueueNames.Preprocessing;
        }
    }

    private sealed class Segmenter : IConsumer<SegmentVolume>
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

    private sealed class Collector(Channel<(VolumeSegmented, string)> seen)
        : IConsumer<VolumeSegmented>
    {
        public async Task Consume(ConsumeContext<VolumeSegmented> context) =>
            await seen.Writer.WriteAsync((context.Message, context.Message.Series));

        internal sealed class Definition : ConsumerDefinition<Collector>
        {
            public Definition() => EndpointName = QueueNames.Results;
        }
    }
}
