using System.ComponentModel.DataAnnotations;

namespace Platform.Hosting;

/// <summary>What carries messages.</summary>
public enum BusTransport
{
    /// <summary>This process: for one host that composes every stage.</summary>
    InMemory,

    /// <summary>RabbitMQ, with quorum queues.</summary>
    RabbitMq,
}

/// <summary>Section "Bus".</summary>
public sealed class BusOptions : IValidatableObject
{
    /// <summary>InMemory or RabbitMq.</summary>
    public BusTransport Transport { get; init; } = BusTransport.InMemory;

    /// <summary>The broker's host name.</summary>
    public string Host { get; init; } = "localhost";

    /// <summary>The broker's AMQP port.</summary>
    [Range(1, 65535)]
    public int Port { get; init; } = 5672;

    /// <summary>The broker's virtual host.</summary>
    public string VirtualHost { get; init; } = "/";

    /// <summary>The broker's user; needed for <see cref="BusTransport.RabbitMq"/>.</summary>
    public string? Username { get; init; }

    /// <summary>The broker's password; needed for <see cref="BusTransport.RabbitMq"/>.</summary>
    public string? Password { get; init; }

    /// <summary>Messages a queue's consumer handles at once, where its definition does not say.</summary>
    [Range(1, 1024)]
    public int Concurrency { get; init; } = 4;

    /// <summary>How often a message is tried again before it goes to the error queue.</summary>
    [Range(0, 100)]
    public int Retries { get; init; } = 8;

    /// <summary>Seconds before the first retry; doubled for each further one.</summary>
    [Range(0.001, 3600)]
    public double RetryMinSeconds { get; init; } = 0.5;

    /// <summary>Most seconds between two retries.</summary>
    [Range(0.001, 3600)]
    public double RetryMaxSeconds { get; init; } = 60;

    /// <summary>Seconds that the bus may be unready while the broker answers before the process says that it is not live.</summary>
    [Range(1, 86400)]
    public int StuckSeconds { get; init; } = 120;

    /// <summary>Only declare this service's exchanges and queues, consume nothing: for the install job.</summary>
    public bool DeclareOnly { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Transport == BusTransport.RabbitMq)
        {
            if (string.IsNullOrEmpty(Username))
            {
                yield return new("needed where Bus:Transport is RabbitMq", [nameof(Username)]);
            }
            if (string.IsNullOrEmpty(Password))
            {
                yield return new("needed where Bus:Transport is RabbitMq", [nameof(Password)]);
            }
        }
        if (RetryMaxSeconds < RetryMinSeconds)
        {
            yield return new("is below Bus:RetryMinSeconds", [nameof(RetryMaxSeconds)]);
        }
    }
}
