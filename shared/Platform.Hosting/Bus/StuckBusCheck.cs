using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using RabbitMQ.Client.Exceptions;

namespace Platform.Hosting;

/// <summary>
/// Not live: a bus that has been unready for <see cref="BusOptions.StuckSeconds"/> while the broker answers. It would not come back by
/// itself, and its queues would wait; what runs the process starts it anew. While the broker is away the process stays: ingest goes on.
/// </summary>
internal sealed class StuckBusCheck(IBusControl bus, IOptions<BusOptions> options) : IHealthCheck
{
    private readonly Stopwatch _unready = new();

    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    )
    {
        if (bus.CheckHealth().Status == BusHealthStatus.Healthy)
        {
            _unready.Reset();
            return HealthCheckResult.Healthy();
        }
        _unready.Start();
        if (_unready.Elapsed.TotalSeconds < options.Value.StuckSeconds)
        {
            return HealthCheckResult.Healthy();
        }
        try
        {
            await using var connection = await options.Value.ConnectAsync(cancellationToken);
        }
        catch (Exception e)
            when (e is RabbitMQClientException or IOException or OperationCanceledException)
        {
            _unready.Restart();
            return HealthCheckResult.Healthy("the broker does not answer");
        }
        return HealthCheckResult.Unhealthy("the broker answers, but the bus does not start");
    }
}
