using System.ComponentModel.DataAnnotations;

namespace Platform.Hosting;

/// <summary>Section "Http": where the service listens and how much it takes.</summary>
public sealed class HttpOptions
{
    /// <summary>Address to bind: an IP address, or "any" for all interfaces (in containers).</summary>
    [Required]
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>Port of HTTP/1.1: API, health and metrics. 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 8080;

    /// <summary>Port of HTTP/2 without TLS: gRPC. 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int GrpcPort { get; init; } = 8081;

    /// <summary>Largest request body in bytes; 8 GiB unless set.</summary>
    [Range(1, long.MaxValue)]
    public long MaxRequestBytes { get; init; } = 8L << 30;

    /// <summary>Largest gRPC message in bytes; 512 MiB unless set (a tensor of 512³ float32).</summary>
    [Range(1, int.MaxValue)]
    public int MaxGrpcMessageBytes { get; init; } = 512 << 20;

    /// <summary>Seconds that work in flight may take to finish after SIGTERM.</summary>
    [Range(0, 86400)]
    public int DrainSeconds { get; init; } = 600;
}
