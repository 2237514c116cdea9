using Grpc.Core;
using Platform.Contracts.Grpc;
using Platform.Ingest;
using Platform.Results;

namespace Platform.Standalone;

/// <summary>Studies in one process: Submit is ingest's, Watch is results'.</summary>
public sealed class StudiesGrpcService(StudyIntakeGrpcService intake, StudyWatchGrpcService watch)
    : Studies.StudiesBase
{
    /// <inheritdoc/>
    public override Task<SubmitReply> Submit(
        IAsyncStreamReader<SubmitRequest> requestStream,
        ServerCallContext context
    ) => intake.Submit(requestStream, context);

    /// <inheritdoc/>
    public override Task Watch(
        WatchRequest request,
        IServerStreamWriter<StudyProgress> responseStream,
        ServerCallContext context
    ) => watch.Watch(request, responseStream, context);
}
