using System.Collections.Concurrent;
using System.Text.Json;
using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Platform.Qc.Tests;

/// <summary>One case's references, split over replicas.</summary>
public sealed class SplitReferencesTests(RabbitMqServer broker) : IClassFixture<RabbitMqServer>
{
    [Theory]
    [InlineData(ReverseClassifiers.SingleAtlas)]
    [InlineData(ReverseClassifiers.AtlasForest)]
    public async Task The_document_is_that_of_one_replica_and_only_parts_that_are_missing_are_made_again(
        string classifier
    )
    {
        using var folder = new TemporaryFolder();
        var head = Prepare(folder);
        var whole = await AssessAsync(folder, head, classifier, perPart: 0);
        Assert.Equal((5, 0), (whole.References, whole.ReferencesFailed));

        await using var host = await StartAsync(folder, head, classifier, perPart: 2);
        var commands = new Commands();
        host.Bus.ConnectConsumeObserver(commands);
        await host.SayAsync();
        await host.HearAsync(1);
        Assert.Equal(Text(whole), Text(await host.ReadAsync()));
        Assert.Equal([1, 2, 3], commands.Parts.Order());

        await host.Blobs.DeleteAsync(QcHost.PartName(2, 3), default);
        await host.Blobs.DeleteAsync(QcHost.QualityName, default);
        commands.Parts.Clear();
        await host.SayAsync();
        await host.HearAsync(2);
        Assert.Equal(Text(whole), Text(await host.ReadAsync()));
        Assert.Equal([2], commands.Parts);

        // As if the one who had stored the last part had died before it made the document of them.
        await host.Blobs.DeleteAsync(QcHost.QualityName, default);
        commands.Parts.Clear();
        await host.SayAsync();
        await host.HearAsync(3);
        Assert.Equal(Text(whole), Text(await host.ReadAsync()));
        Assert.Empty(commands.Parts);
    }

    [Fact]
    public async Task Parts_of_another_number_of_parts_are_not_mixed_in()
    {
        using var folder = new TemporaryFolder();
        var head = Prepare(folder);
        var whole = await AssessAsync(folder, head, ReverseClassifiers.SingleAtlas, perPart: 0);
        await AssessAsync(folder, head, ReverseClassifiers.SingleAtlas, perPart: 2);
        var split = await AssessAsync(folder, head, ReverseClassifiers.SingleAtlas, perPart: 3);
        Assert.Equal(Text(whole), Text(split));
    }

    [Fact]
    public async Task An_image_nothing_can_be_held_against_fails_every_reference_of_every_part()
    {
        using var folder = new TemporaryFolder();
        var head = Prepare(folder);
        Array.Fill(head.Image.Voxels, 7);
        var quality = await AssessAsync(folder, head, ReverseClassifiers.SingleAtlas, perPart: 2);
        Assert.Equal(
            (0, 5, Verdict.Unassessed),
            (quality.References, quality.ReferencesFailed, quality.Verdict)
        );
    }

    [Fact]
    public async Task A_replica_that_dies_with_a_part_in_hand_loses_nothing_and_a_part_sent_twice_changes_nothing()
    {
        using var folder = new TemporaryFolder();
        var head = Prepare(folder);
        var whole = await AssessAsync(folder, head, ReverseClassifiers.SingleAtlas, perPart: 0);
        var settings = broker.Settings(await broker.CreateVirtualHostAsync());
        await using var one = await StartAsync(folder, head, null, perPart: 1, settings);
        await using var two = await StartAsync(folder, head, null, perPart: 1, settings);
        Assert.Contains(
            await broker.QueuesAsync(settings["Bus:VirtualHost"]!),
            queue => queue.Name == QueueNames.QcReferences && queue.Type == "quorum"
        );
        // To the broker, a client that takes a part and goes is a replica that was killed.
        await using var connection = await broker.ConnectAsync(settings["Bus:VirtualHost"]!);
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicQosAsync(0, 1, global: false);
        var taken = new TaskCompletionSource();
        var doomed = new AsyncEventingBasicConsumer(channel);
        doomed.ReceivedAsync += (_, _) =>
        {
            taken.TrySetResult();
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(QueueNames.QcReferences, autoAck: false, doomed);

        await one.SayAsync();
        await taken.Task.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.False(await one.Blobs.ExistsAsync(QcHost.QualityName, default));
        await two.SayAsync();
        await connection.CloseAsync();

        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (one.Heard.IsEmpty && two.Heard.IsEmpty)
        {
            await Task.Delay(20, deadline.Token);
        }
        Assert.Equal(Text(whole), Text(await one.ReadAsync()));
    }

    private static (Volume<float> Image, Volume<byte> Labels) Prepare(TemporaryFolder folder)
    {
        ReferencePhantoms.Write(folder["mine"], 5, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, 5);
        return (image, Ruin.Drop(labels, 12));
    }

    /// <summary>A host that assesses the segmentation anew, and ends.</summary>
    private static async Task<SegmentationQuality> AssessAsync(
        TemporaryFolder folder,
        (Volume<float> Image, Volume<byte> Labels) head,
        string classifier,
        int perPart
    )
    {
        await using var host = await StartAsync(folder, head, classifier, perPart);
        await host.Blobs.DeleteAsync(QcHost.QualityName, default);
        await host.SayAsync();
        await host.HearAsync(1);
        var quality = await host.ReadAsync();
        await host.Blobs.DeleteAsync(QcHost.QualityName, default);
        return quality;
    }

    private static Task<QcHost> StartAsync(
        TemporaryFolder folder,
        (Volume<float> Image, Volume<byte> Labels) head,
        string? classifier,
        int perPart,
        IReadOnlyDictionary<string, string?>? settings = null
    ) =>
        QcHost.StartAsync(
            folder,
            head.Image,
            head.Labels,
            QcHost.References() with
            {
                Classifier = classifier ?? ReverseClassifiers.SingleAtlas,
            },
            settings: new Dictionary<string, string?>(settings ?? new Dictionary<string, string?>())
            {
                ["Qc:ReferencesPerPart"] = $"{perPart}",
            }
        );

    private static string Text(SegmentationQuality quality) =>
        JsonSerializer.Serialize(quality with { Seconds = 0 }, PlatformJson.Options);

    /// <summary>Which parts were asked for.</summary>
    private sealed class Commands : IConsumeObserver
    {
        public ConcurrentBag<int> Parts { get; } = [];

        public Task PreConsume<T>(ConsumeContext<T> context)
            where T : class
        {
            if (context.Message is AssessReferences command)
            {
                Parts.Add(command.Part);
            }
            return Task.CompletedTask;
        }

        public Task PostConsume<T>(ConsumeContext<T> context)
            where T : class => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, Exception exception)
            where T : class => Task.CompletedTask;
    }
}
