using Grpc.Core;
using Platform.Contracts.Grpc;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>Studies.Watch over gRPC.</summary>
public sealed class StudyWatchGrpcService(StudyWatcher watcher) : Studies.StudiesBase
{
    /// <inheritdoc/>
    public override async Task Watch(
        WatchRequest request,
        IServerStreamWriter<StudyProgress> responseStream,
        ServerCallContext context
    )
    {
        var tenant = context.GetHttpContext().User.Tenant();
        await foreach (
            var progress in watcher.WatchAsync(
                tenant,
                request.StudyId,
                request.Revision,
                context.CancellationToken
            )
        )
        {
            await responseStream.WriteAsync(progress, context.CancellationToken);
        }
    }
}
