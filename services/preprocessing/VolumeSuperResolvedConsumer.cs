using MassTransit;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Preprocessing;

/// <summary><see cref="VolumeSuperResolved"/> → the commands of every output that is planned on the finer volume.</summary>
public sealed class VolumeSuperResolvedConsumer(IBlobStore blobs) : IConsumer<VolumeSuperResolved>
{
    /// <inheritdoc/>
    public async Task Consume(ConsumeContext<VolumeSuperResolved> context)
    {
        var message = context.Message;
        var plan = await blobs.ReadJsonAsync<StudyPlan>(
            BlobNames.Plan(message.Study),
            context.CancellationToken
        );
        var volume = BlobNames.SuperResolved(message.Study, message.Model, message.Series);
        await context.SendMissingAsync(
            blobs,
            message.Study,
            plan.Outputs.Where(output => output.Input == volume)
        );
    }
}

/// <summary>Queue of <see cref="VolumeSuperResolvedConsumer"/>: its own, so that a study half done never waits behind large new ones.</summary>
public sealed class VolumeSuperResolvedConsumerDefinition
    : ConsumerDefinition<VolumeSuperResolvedConsumer>
{
    /// <summary>States the queue.</summary>
    public VolumeSuperResolvedConsumerDefinition() =>
        EndpointName = QueueNames.PreprocessingSuperResolved;
}
