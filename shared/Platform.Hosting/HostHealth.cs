using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Platform.Hosting;

/// <summary>
/// Live: the process answers, and its bus is not stuck. Ready: the bus is connected, every consumer is attached and the blob store answers.
/// Startup: the host has started, which includes installing packages and loading models.
/// </summary>
internal static class HostHealth
{
    /// <summary>The tag of checks that say whether the process should be started anew.</summary>
    public const string Live = "live";
    private const string Ready = "ready";
    private const string Startup = "startup";

    public static void AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<StartedCheck>();
        builder
            .Services.AddHealthChecks()
            .AddCheck<StartedCheck>("started", tags: [Ready, Startup])
            .AddCheck<BlobCheck>("blobs", tags: [Ready], timeout: TimeSpan.FromSeconds(5));
        builder.Services.AddGrpcHealthChecks(options =>
            options.Services.Map("", check => check.Tags.Contains(Ready))
        );
    }

    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health/live", With(Live)).AllowAnonymous();
        app.MapHealthChecks("/health/ready", With(Ready)).AllowAnonymous();
        app.MapHealthChecks("/health/startup", With(Startup)).AllowAnonymous();
        app.MapGrpcHealthChecksService().AllowAnonymous();
    }

    private static HealthCheckOptions With(string tag) =>
        new()
        {
            Predicate = check => check.Tags.Contains(tag),
            // Degraded is a bus of which some consumer is not attached.
            ResultStatusCodes =
            {
                [HealthStatus.Degraded] = StatusCodes.Status503ServiceUnavailable,
            },
            ResponseWriter = WriteAsync,
        };

    /// <summary>The status, then the name of each check that is not healthy; why is in the log, for it may name hosts and users.</summary>
    private static Task WriteAsync(HttpContext http, HealthReport report)
    {
        http.Response.ContentType = "text/plain";
        var lines =
            from entry in report.Entries
            where entry.Value.Status != HealthStatus.Healthy
            select $"\n{entry.Key}: {entry.Value.Status}";
        return http.Response.WriteAsync($"{report.Status}{string.Concat(lines)}");
    }

    private sealed class StartedCheck(IHostApplicationLifetime lifetime) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context,
            CancellationToken cancellationToken = default
        ) =>
            Task.FromResult(
                lifetime.ApplicationStarted.IsCancellationRequested
                && !lifetime.ApplicationStopping.IsCancellationRequested
                    ? HealthCheckResult.Healthy()
                    : HealthCheckResult.Unhealthy("starting or stopping")
            );
    }

    private sealed class BlobCheck(IServiceProvider services) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context,
            CancellationToken cancellationToken = default
        )
        {
            if (services.GetService<IBlobStore>() is { } blobs)
            {
                await blobs.ExistsAsync("models/health", cancellationToken);
            }
            return HealthCheckResult.Healthy();
        }
    }
}
