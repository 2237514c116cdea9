using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// <see cref="TrainReverseClassifier"/> → the network beside the labels and <see cref="ReverseClassifierTrained"/>. Acknowledged last; a
/// redelivery finds the network and publishes again.
/// </summary>
public sealed partial class TrainReverseClassifierConsumer(
    IBlobStore blobs,
    VolumeStore volumes,
    IOptions<TrainingOptions> options,
    ILogger<TrainReverseClassifierConsumer> logger
) : IConsumer<TrainReverseClassifier>
{
    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The study's plan has no such segmentation.</exception>
    /// <exception cref="Imaging.VolumeException">An image without contrast, or labels that are empty: qc asks for neither.</exception>
    public async Task Consume(ConsumeContext<TrainReverseClassifier> context)
    {
        var (command, cancellation) = (context.Message, context.CancellationToken);
        var name = BlobNames.ReverseClassifier(command.Study, command.Model, command.Series);
        if (!await blobs.ExistsAsync(name, cancellation))
        {
            var started = Stopwatch.GetTimestamp();
            var onnx = await TrainAsync(command, cancellation);
            await Observed(
                "store",
                () =>
                    blobs.TryCreateAsync(
                        name,
                        (stream, token) => stream.WriteAsync(onnx, token).AsTask(),
                        cancellation
                    )
            );
            TrainingMetrics.Networks.WithLabels(command.Study.Site, command.Model).Inc();
            LogTrained(
                command.Study.Tenant,
                command.Study.StudyId,
                command.Study.Revision,
                command.Series,
                command.Model,
                Stopwatch.GetElapsedTime(started).TotalSeconds
            );
        }
        await context.PublishConfirmedAsync(
            new ReverseClassifierTrained
            {
                Study = command.Study,
                Series = command.Series,
                Model = command.Model,
            },
            cancellation
        );
    }

    private async Task<byte[]> TrainAsync(
        TrainReverseClassifier command,
        CancellationToken cancellation
    )
    {
        var (image, labels) = await Observed(
            "fetch",
            async () =>
            {
                var plan = await blobs.ReadJsonAsync<StudyPlan>(
                    BlobNames.Plan(command.Study),
                    cancellation
                );
                var output =
                    plan.Outputs.SingleOrDefault(o =>
                        o.Kind == OutputKind.Segmentation
                        && o.Series == command.Series
                        && o.Model == command.Model
                    )
                    ?? throw new InvalidDataException(
                        $"the plan of study {command.Study.StudyId} has no segmentation of {command.Series} by {command.Model}"
                    );
                return (
                    await volumes.ReadImageAsync(output.Input, cancellation),
                    await volumes.ReadLabelsAsync(output.Output, cancellation)
                );
            }
        );
        var threads = options.Value.Threads;
        return await Observed(
            "train",
            () =>
                Task.Run(
                    () =>
                    {
                        set_num_threads(threads > 0 ? threads : Environment.ProcessorCount);
                        var context = ContextImage.At(image, command.SpacingMm);
                        return ReverseTask.Train(
                            context,
                            labels,
                            options.Value.Steps,
                            cancellation
                        );
                    },
                    cancellation
                )
        );
    }

    private static async Task<T> Observed<T>(string step, Func<Task<T>> work)
    {
        var started = Stopwatch.GetTimestamp();
        var result = await work();
        TrainingMetrics
            .Duration.WithLabels(step)
            .Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return result;
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Series} a reverse classifier for {Model}, {Seconds:f1} s"
    )]
    private partial void LogTrained(
        string tenant,
        string studyId,
        int revision,
        string series,
        string model,
        double seconds
    );
}

/// <summary>Queue of <see cref="TrainReverseClassifierConsumer"/>; one at a time, for torch has one source of random numbers a process.</summary>
public sealed class TrainReverseClassifierConsumerDefinition
    : ConsumerDefinition<TrainReverseClassifierConsumer>
{
    /// <summary>States both.</summary>
    public TrainReverseClassifierConsumerDefinition()
    {
        EndpointName = QueueNames.Training;
        ConcurrentMessageLimit = 1;
    }
}
