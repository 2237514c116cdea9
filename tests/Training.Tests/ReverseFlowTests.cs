using System.Collections.Concurrent;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using Platform.Qc;
using Platform.Qc.Tests;
using Platform.Testing;
using Platform.Training;

namespace Training.Tests;

/// <summary>qc and training as their Programs make them, two processes' worth of hosts over RabbitMQ.</summary>
public sealed class ReverseFlowTests(RabbitMqServer broker) : IClassFixture<RabbitMqServer>
{
    private static string Network =>
        BlobNames.ReverseClassifier(QcHost.Study, QcHost.Model, QcHost.Series);

    [Fact]
    public async Task A_command_waits_for_a_training_service_and_its_network_makes_the_quality_document()
    {
        using var folder = new TemporaryFolder();
        var settings = await SettingsAsync();
        await using var qc = await StartQcAsync(folder, settings);
        await qc.SayAsync();
        // As the reconciler says it again where nothing comes for long: a second command waits.
        await qc.SayAsync();
        await Eventually(async () => await WaitingAsync(settings) >= 2);
        Assert.Equal(
            "quorum",
            (await broker.QueuesAsync(settings["Bus:VirtualHost"]!))
                .Single(queue => queue.Name == QueueNames.Training)
                .Type
        );
        Assert.False(await qc.Blobs.ExistsAsync(QcHost.QualityName, default));

        await using var training = await StartTrainingAsync(folder, settings);
        // Both commands are answered, the second by the network that is there.
        await qc.HearAsync(2);
        var quality = await qc.ReadAsync();
        Assert.Equal("rca-constrained-cnn-uncalibrated", quality.Method);
        Assert.Equal((2, 0), (quality.References, quality.ReferencesFailed));
        Assert.All(quality.Structures.Take(2), s => Assert.InRange(s.PredictedDice!.Value, 0, 1));
        Assert.Equal(Verdict.Unassessed, quality.Structures[2].Verdict);
        var written = File.GetLastWriteTimeUtc(folder[$"blobs/{Network}"]);

        // Once more, now that all is there: neither a command nor another network.
        await qc.SayAsync();
        await qc.HearAsync(3);
        Assert.Equal(written, File.GetLastWriteTimeUtc(folder[$"blobs/{Network}"]));
        Assert.Equal(quality.Seconds, (await qc.ReadAsync()).Seconds);
    }

    [Fact]
    public async Task A_command_for_a_segmentation_that_was_never_planned_is_a_fault()
    {
        using var folder = new TemporaryFolder();
        var settings = await SettingsAsync();
        await using var qc = await StartQcAsync(folder, settings);
        await using var training = await StartTrainingAsync(folder, settings);
        var faults = training.Services.GetRequiredService<ConcurrentQueue<string>>();
        await qc.Bus.SendConfirmedAsync(
            QueueNames.Training,
            new TrainReverseClassifier
            {
                Study = QcHost.Study,
                Series = QcHost.Series,
                Model = "nobody@1.0.0",
                SpacingMm = 2,
            },
            default
        );
        await Eventually(() => Task.FromResult(!faults.IsEmpty));
        Assert.Contains(
            "has no segmentation of s1 by nobody@1.0.0",
            faults.Single(),
            StringComparison.Ordinal
        );
    }

    private async Task<Dictionary<string, string?>> SettingsAsync()
    {
        var settings = broker.Settings(await broker.CreateVirtualHostAsync());
        settings["Qc:Training"] = "true";
        return settings;
    }

    private static Task<QcHost> StartQcAsync(
        TemporaryFolder folder,
        Dictionary<string, string?> settings
    )
    {
        Nodules.Write(folder["mine"], 2);
        var set = folder["blobs/references/phantoms/1"];
        Platform.Qc.ReferenceSetBuilder.Build(folder["mine"], set);
        var (image, labels) = Nodules.Subject(100);
        return QcHost.StartAsync(
            folder,
            image,
            labels,
            QcHost.References() with
            {
                Classifier = ReverseClassifiers.ConstrainedCnn,
            },
            settings: settings
        );
    }

    private static async Task<WebApplication> StartTrainingAsync(
        TemporaryFolder folder,
        Dictionary<string, string?> settings
    )
    {
        var builder = PlatformHost.CreateBuilder([], "training");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>(settings.Where(s => !s.Key.StartsWith("Qc:")))
            {
                ["Http:Port"] = "0",
                ["Http:GrpcPort"] = "0",
                ["Blobs:Path"] = folder["blobs"],
                ["Bus:Retries"] = "1",
                ["Training:Steps"] = "10",
                ["Training:Threads"] = "1",
            }
        );
        builder.Logging.SetMinimumLevel(LogLevel.Critical);
        builder.AddTraining();
        builder.Services.AddSingleton<ConcurrentQueue<string>>();
        builder.AddBus(bus =>
        {
            TrainingService.AddConsumers(bus);
            bus.AddConsumer<FaultCollector>();
        });
        var app = builder.Build();
        app.MapPlatform();
        await app.StartAsync();
        return app;
    }

    private async Task<uint> WaitingAsync(Dictionary<string, string?> settings)
    {
        await using var connection = await broker.ConnectAsync(settings["Bus:VirtualHost"]!);
        await using var channel = await connection.CreateChannelAsync();
        return await channel.MessageCountAsync(QueueNames.Training);
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromMinutes(2),
                "not after two minutes"
            );
            await Task.Delay(50);
        }
    }

    private sealed class FaultCollector(ConcurrentQueue<string> seen)
        : IConsumer<Fault<TrainReverseClassifier>>
    {
        public Task Consume(ConsumeContext<Fault<TrainReverseClassifier>> context)
        {
            seen.Enqueue(context.Message.Exceptions[0].Message);
            return Task.CompletedTask;
        }
    }
}
