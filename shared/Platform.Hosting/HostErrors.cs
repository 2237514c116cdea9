using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.Imaging;

namespace Platform.Hosting;

/// <summary>Exceptions to RFC 9457 problem details. Only the texts of exceptions that are written for callers leave the process.</summary>
internal sealed class HttpExceptions(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext context,
        Exception exception,
        CancellationToken cancellationToken
    )
    {
        var (status, title, detail) = exception switch
        {
            BadHttpRequestException bad => (bad.StatusCode, "bad request", bad.Message),
            VolumeException volume => (
                StatusCodes.Status400BadRequest,
                volume.Fault.ToString(),
                volume.Message
            ),
            BlobNotFoundException => (StatusCodes.Status404NotFound, "not found", null),
            OperationCanceledException when context.RequestAborted.IsCancellationRequested => (
                StatusCodes.Status499ClientClosedRequest,
                "cancelled",
                null
            ),
            _ => (StatusCodes.Status500InternalServerError, "internal error", (string?)null),
        };
        context.Response.StatusCode = status;
        return await problems.TryWriteAsync(
            new()
            {
                HttpContext = context,
                ProblemDetails =
                {
                    Status = status,
                    Title = title,
                    Detail = detail,
                },
            }
        );
    }
}

/// <summary>Exceptions to gRPC status codes, for every service.</summary>
internal sealed partial class GrpcExceptions(ILogger<GrpcExceptions> logger) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation
    ) => GuardAsync(context, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation
    ) => GuardAsync(context, () => continuation(requests, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation
    ) =>
        GuardAsync(
            context,
            async () =>
            {
                await continuation(request, responses, context);
                return true;
            }
        );

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation
    ) =>
        GuardAsync(
            context,
            async () =>
            {
                await continuation(requests, responses, context);
                return true;
            }
        );

    private async Task<T> GuardAsync<T>(ServerCallContext context, Func<Task<T>> handle)
    {
        try
        {
            return await handle();
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            var status = exception switch
            {
                VolumeException volume => new Status(StatusCode.InvalidArgument, volume.Message),
                BlobNotFoundException => new Status(StatusCode.NotFound, "not found"),
                OperationCanceledException when context.CancellationToken.IsCancellationRequested =>
                    new Status(StatusCode.Cancelled, "cancelled"),
                BadHttpRequestException bad => new Status(StatusCode.InvalidArgument, bad.Message),
                IOException => new Status(StatusCode.Unavailable, "storage or network unavailable"),
                _ => new Status(StatusCode.Internal, "internal error"),
            };
            if (status.StatusCode is StatusCode.Internal or StatusCode.Unavailable)
            {
                LogFailed(logger, context.Method, exception);
            }
            throw new RpcException(status);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed")]
    private static partial void LogFailed(ILogger logger, string method, Exception exception);
}
