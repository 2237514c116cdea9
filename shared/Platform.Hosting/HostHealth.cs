using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Platform.Hosting;

/// <summary>
/// Live: the process answers. Ready: the bus is connected, every consumer is attached and the blob store answers.
/// Startup: the host has started, which includes installing packages and loading models.
/// </summary>
internal static class HostHealth
{
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
        app.MapHealthChecks("/health/live", new() { Predicate = _ => false }).AllowAnonymous();
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
        };

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
