using System.Text.Json;
using Platform.Contracts;
using Platform.Ingest.Tests;
using Platform.Testing;
using Services.Tests.Results;

namespace Platform.Preprocessing.Tests;

public sealed class RabbitMqFlowTests(RabbitMqServer broker) : IClassFixture<RabbitMqServer>
{
    [Fact]
    public async Task A_command_waits_for_a_model_that_has_never_run_and_a_study_is_taken_while_the_broker_restarts()
    {
        var virtualHost = await broker.CreateVirtualHostAsync();
        var settings = broker.Settings(virtualHost);
        // Long enough for the first publish after the restart to connect anew.
        settings["Ingest:PublishTimeout"] = "00:00:10";
        await using var host = await IntakeHost.StartAsync(
            settings,
            preprocessing: [],
            install: Packages.Install(Packages.Brain())
        );
        // An event published before its consumer's queue has ever existed goes nowhere.
        await Eventually.Async(async () =>
            (
                await host.Client.GetAsync(new Uri("/health/ready", UriKind.Relative))
            ).IsSuccessStatusCode
        );
        var first = await host.SubmitAsync([Scans.Head(1)], "priority=stat");
        Assert.Equal(first.StudyId, await TakeCommandAsync(virtualHost, "model-brain-stat"));

        await broker.SettledAsync();
        broker.Kill();
        var second = await host.SubmitAsync([Scans.Head(2)]);
        Assert.False(second.AlreadyReceived);
        await broker.RestartAsync();
        // Sending it again announces it again; so does the reconciler, in time.
        await host.SubmitAsync([Scans.Head(2)]);
        Assert.Equal(second.StudyId, await TakeCommandAsync(virtualHost, "model-brain"));
    }

    /// <summary>The study of the first command in a queue, as a plain client reads it.</summary>
    private async Task<string> TakeCommandAsync(string virtualHost, string queue)
    {
        await using var connection = await broker.ConnectAsync(virtualHost);
        await using var channel = await connection.CreateChannelAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            if (await channel.BasicGetAsync(queue, autoAck: true, deadline.Token) is { } message)
            {
                using var envelope = JsonDocument.Parse(message.Body);
                return envelope
                    .RootElement.GetProperty("message")
                    .GetProperty("study")
                    .GetProperty("studyId")
                    .GetString()!;
            }
            await Task.Delay(50, deadline.Token);
        }
    }
}
