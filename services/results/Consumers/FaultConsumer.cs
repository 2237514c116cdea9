using MassTransit;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>A stage's retries are exhausted: the study has failed until someone replays it.</summary>
public sealed class FaultConsumer(StudyFlow flow)
    : IConsumer<Fault<StudyReceived>>,
        IConsumer<Fault<SuperResolveVolume>>,
        IConsumer<Fault<SegmentVolume>>,
        IConsumer<Fault<VolumeSuperResolved>>,
        IConsumer<Fault<VolumeSegmented>>,
        IConsumer<Fault<AssessReferences>>,
        IConsumer<Fault<TrainReverseClassifier>>,
        IConsumer<Fault<ReverseClassifierTrained>>
{
    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<StudyReceived>> context) =>
        FailAsync(context, context.Message.Message.Study, "", "");

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<SuperResolveVolume>> context)
    {
        var command = context.Message.Message;
        return FailAsync(context, command.Study, command.Series, command.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<SegmentVolume>> context)
    {
        var command = context.Message.Message;
        return FailAsync(context, command.Study, command.Series, command.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<VolumeSuperResolved>> context)
    {
        var happened = context.Message.Message;
        return FailAsync(context, happened.Study, happened.Series, happened.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<VolumeSegmented>> context)
    {
        var happened = context.Message.Message;
        return FailAsync(context, happened.Study, happened.Series, happened.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<AssessReferences>> context)
    {
        var command = context.Message.Message;
        return FailAsync(context, command.Study, command.Series, command.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<TrainReverseClassifier>> context)
    {
        var command = context.Message.Message;
        return FailAsync(context, command.Study, command.Series, command.Model);
    }

    /// <inheritdoc/>
    public Task Consume(ConsumeContext<Fault<ReverseClassifierTrained>> context)
    {
        var happened = context.Message.Message;
        return FailAsync(context, happened.Study, happened.Series, happened.Model);
    }

    private Task FailAsync<T>(
        ConsumeContext<Fault<T>> context,
        StudyContext study,
        string series,
        string model
    ) =>
        flow.FailAsync(
            new()
            {
                Study = study,
                Stage = typeof(T).Name,
                Error = context.Message.Exceptions.FirstOrDefault()?.ExceptionType ?? "unknown",
                FailedAt = new(DateTime.SpecifyKind(context.Message.Timestamp, DateTimeKind.Utc)),
            },
            series,
            model,
            context.CancellationToken
        );
}

internal sealed class FaultConsumerDefinition : ConsumerDefinition<FaultConsumer>
{
    public FaultConsumerDefinition() => EndpointName = QueueNames.Results;
}
