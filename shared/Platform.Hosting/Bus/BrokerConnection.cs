using RabbitMQ.Client;

namespace Platform.Hosting;

/// <summary>A plain connection to the broker of section "Bus", beside the bus.</summary>
internal static class BrokerConnection
{
    public static Task<IConnection> ConnectAsync(
        this BusOptions options,
        CancellationToken cancellationToken
    ) =>
        new ConnectionFactory
        {
            HostName = options.Host,
            Port = options.Port,
            VirtualHost = options.VirtualHost,
            UserName = options.Username!,
            Password = options.Password!,
            AutomaticRecoveryEnabled = false,
        }.CreateConnectionAsync(cancellationToken);
}
