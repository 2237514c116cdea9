using System.Collections.Concurrent;
using MassTransit;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>qc where a model asks for a constrained CNN, without the service that trains it.</summary>
public sealed class ConstrainedCnnTests
{
    [Fact]
    public async Task Where_no_training_service_runs_the_segmentation_is_unassessed_with_its_volumes()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = Prepare(folder);
        await using var host = await StartAsync(folder, image, labels, training: false);
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal((QualityAssessor.None, null), (quality.Method, quality.ReferenceSet));
        Assert.True(quality.Structures[0].VolumeMl > 0);
    }

    [Fact]
    public async Task Training_is_asked_with_the_references_spacing_and_nothing_is_said_before_it_answers()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = Prepare(folder);
        await using var host = await StartAsync(folder, image, labels, training: true);
        var asked = new Commands();
        host.Bus.ConnectSendObserver(asked);
        await host.SayAsync();
        await asked.WaitAsync(1);
        var command = asked.Sent.Single();
        Assert.Equal(
            (QcHost.Study.StudyId, QcHost.Series, QcHost.Model),
            (command.Study.StudyId, command.Series, command.Model)
        );
        Assert.Equal(5, command.SpacingMm, 3);
        await host.SayAsync();
        await asked.WaitAsync(2);
        Assert.Empty(host.Heard);
        Assert.False(await host.Blobs.ExistsAsync(QcHost.QualityName, default));
    }

    [Theory]
    [InlineData(false, Verdict.Fail, 0)]
    [InlineData(true, Verdict.Unassessed, 2)]
    public async Task Empty_labels_and_an_image_without_contrast_are_judged_without_asking(
        bool blank,
        Verdict verdict,
        int failed
    )
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = Prepare(folder);
        Array.Clear(blank ? (Array)image.Voxels : labels.Voxels);
        await using var host = await StartAsync(folder, image, labels, training: true);
        var asked = new Commands();
        host.Bus.ConnectSendObserver(asked);
        await host.SayAsync();
        Assert.Equal(verdict, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("rca-constrained-cnn-uncalibrated", quality.Method);
        Assert.Equal(failed, quality.ReferencesFailed);
        Assert.Empty(asked.Sent);
    }

    [Fact]
    public async Task A_reference_set_cannot_be_evaluated_with_it_and_the_message_says_why()
    {
        using var folder = new TemporaryFolder();
        Prepare(folder);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceEvaluation.RunAsync(
                folder["blobs/references/phantoms/1"],
                classifier: ReverseClassifiers.ConstrainedCnn
            )
        );
        Assert.Contains(
            "the training service fits to each",
            error.Message,
            StringComparison.Ordinal
        );
    }

    private static (Volume<float> Image, Volume<byte> Labels) Prepare(TemporaryFolder folder)
    {
        ReferencePhantoms.Write(folder["mine"], 2, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        return BrainPhantom.Subject(100, 5);
    }

    private static Task<QcHost> StartAsync(
        TemporaryFolder folder,
        Volume<float> image,
        Volume<byte> labels,
        bool training
    ) =>
        QcHost.StartAsync(
            folder,
            image,
            labels,
            QcHost.References() with
            {
                Classifier = ReverseClassifiers.ConstrainedCnn,
            },
            settings: new Dictionary<string, string?> { ["Qc:Training"] = $"{training}" }
        );

    private sealed class Commands : ISendObserver
    {
        public ConcurrentQueue<TrainReverseClassifier> Sent { get; } = [];

        public Task PreSend<T>(SendContext<T> context)
            where T : class => Task.CompletedTask;

        public Task PostSend<T>(SendContext<T> context)
            where T : class
        {
            if (context.Message is TrainReverseClassifier command)
            {
                Sent.Enqueue(command);
            }
            return Task.CompletedTask;
        }

        public Task SendFault<T>(SendContext<T> context, Exception exception)
            where T : class => Task.CompletedTask;

        public async Task WaitAsync(int count)
        {
            var started = TimeProvider.System.GetTimestamp();
            while (Sent.Count < count)
            {
                Assert.True(
                    TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromMinutes(2),
                    $"{Sent.Count} of {count} commands after two minutes"
                );
                await Task.Delay(20);
            }
        }
    }
}
