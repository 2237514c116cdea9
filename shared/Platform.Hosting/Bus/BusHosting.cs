using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>Adds the bus to a host.</summary>
public static class BusHosting
{
    /// <summary>
    /// Adds MassTransit over the transport of section "Bus", with the consumers that <paramref name="consumers"/> adds.
    /// Every endpoint gets the delivery policy: quorum queues (error queues too), publisher confirms, exponential back-off.
    /// A consumer's definition states its queue (<c>EndpointName</c> from <see cref="QueueNames"/>) and
    /// <c>ConcurrentMessageLimit</c>; consumers of model commands are added by <see cref="ModelQueues.AddModelConsumer{T}"/>.
    /// </summary>
    public static void AddBus(
        this IHostApplicationBuilder builder,
        Action<IBusRegistrationConfigurator> consumers
    )
    {
        var options = builder.Configuration.ReadValidated<BusOptions>("Bus");
        builder.AddValidatedOptions<BusOptions>("Bus");
        if (options.DeclareOnly)
        {
            builder.Services.AddHostedService<StopOnceDeclared>();
        }
        builder.Services.AddReceiveObserver<BusMetrics>();
        builder.Services.AddMassTransit(bus =>
        {
            // Nothing about a hospital's deployment leaves it.
            bus.DisableUsageTelemetry();
            consumers(bus);
            bus.AddConfigureEndpointsCallback(
                (_, _, endpoint) => DeliveryPolicy.Apply(endpoint, options)
            );
            if (options.Transport == BusTransport.InMemory)
            {
                bus.UsingInMemory(
                    (context, transport) =>
                    {
                        transport.ConfigureEndpoints(context);
                    }
                );
            }
            else
            {
                bus.UsingRabbitMq(
                    (context, transport) =>
                    {
                        transport.Host(
                            options.Host,
                            (ushort)options.Port,
                            options.VirtualHost,
                            host =>
                            {
                                host.Username(options.Username!);
                                host.Password(options.Password!);
                                host.PublisherConfirmation = true;
                            }
                        );
                        transport.DeployTopologyOnly = options.DeclareOnly;
                        transport.SendTopology.ConfigureErrorSettings = queue =>
                            queue.SetQuorumQueue();
                        transport.SendTopology.ConfigureDeadLetterSettings = queue =>
                            queue.SetQuorumQueue();
                        transport.ConfigureEndpoints(context);
                    }
                );
            }
        });
    }

    /// <summary>Ends the process of an install job once the bus has declared everything.</summary>
    private sealed class StopOnceDeclared(IBusControl bus, IHostApplicationLifetime lifetime)
        : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            while (bus.CheckHealth().Status != BusHealthStatus.Healthy)
            {
                await Task.Delay(100, stoppingToken);
            }
            lifetime.StopApplication();
        }
    }
}
