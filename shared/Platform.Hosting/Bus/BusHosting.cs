using System.Collections.Concurrent;
using System.Text.Json;
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
        if (options.Transport == BusTransport.RabbitMq)
        {
            builder.Services.AddSingleton<StuckBusCheck>();
            builder
                .Services.AddHealthChecks()
                .AddCheck<StuckBusCheck>(
                    "stuck-bus",
                    tags: [HostHealth.Live],
                    timeout: TimeSpan.FromSeconds(3)
                );
        }
        builder.Services.AddReceiveObserver<BusMetrics>();
        builder.Services.AddSingleton<QueueDeclarer>();
        builder.Services.AddMassTransit(bus =>
        {
            // Nothing about a hospital's deployment leaves it.
            bus.DisableUsageTelemetry();
            consumers(bus);
            bus.AddConfigureEndpointsCallback(
                (context, queue, endpoint) =>
                {
                    DeliveryPolicy.Apply(endpoint, options);
                    context.GetRequiredService<QueueDeclarer>().Add(queue);
                }
            );
            if (options.Transport == BusTransport.InMemory)
            {
                bus.UsingInMemory(
                    (context, transport) =>
                    {
                        transport.ConfigureJsonSerializerOptions(AddConverters);
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
                                host.OnRefreshConnectionFactory = _ =>
                                    context.GetRequiredService<QueueDeclarer>().DeclareAsync();
                            }
                        );
                        transport.DeployTopologyOnly = options.DeclareOnly;
                        transport.SendTopology.ConfigureErrorSettings = queue =>
                            queue.SetQuorumQueue();
                        transport.SendTopology.ConfigureDeadLetterSettings = queue =>
                            queue.SetQuorumQueue();
                        transport.ConfigureJsonSerializerOptions(AddConverters);
                        transport.ConfigureEndpoints(context);
                    }
                );
            }
        });
    }

    /// <summary>Enums travel by name, as in the documents: a member may be added anywhere.</summary>
    private static JsonSerializerOptions AddConverters(JsonSerializerOptions options)
    {
        foreach (var converter in PlatformJson.Options.Converters)
        {
            options.Converters.Add(converter);
        }
        return options;
    }

    /// <summary>
    /// Ends the process of an install job once every endpoint has been ready. An endpoint that only declares is ready for a moment
    /// and then done, so readiness is remembered; asking the bus for its health now and then would miss it.
    /// </summary>
    private sealed class StopOnceDeclared(IBusControl bus, IHostApplicationLifetime lifetime)
        : BackgroundService,
            IReceiveEndpointObserver
    {
        private readonly ConcurrentDictionary<Uri, bool> _declared = new();

        public override Task StartAsync(CancellationToken cancellationToken)
        {
            bus.ConnectReceiveEndpointObserver(this);
            return base.StartAsync(cancellationToken);
        }

        public Task Ready(ReceiveEndpointReady ready)
        {
            _declared[ready.InputAddress] = true;
            return Task.CompletedTask;
        }

        public Task Stopping(ReceiveEndpointStopping stopping) => Task.CompletedTask;

        public Task Completed(ReceiveEndpointCompleted completed) => Task.CompletedTask;

        public Task Faulted(ReceiveEndpointFaulted faulted) => Task.CompletedTask;

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            // Until then model queues are still being added.
            while (!lifetime.ApplicationStarted.IsCancellationRequested || !Declared())
            {
                await Task.Delay(50, stoppingToken);
            }
            lifetime.StopApplication();
        }

        private bool Declared() =>
            bus.CheckHealth()
                .Endpoints.Values.All(endpoint =>
                    endpoint.Status == BusHealthStatus.Healthy
                    || _declared.ContainsKey(endpoint.InputAddress)
                );
    }
}
