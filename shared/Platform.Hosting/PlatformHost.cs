using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Prometheus;

namespace Platform.Hosting;

/// <summary>What every service's host has: configuration, ports, authentication, health, metrics, traces, errors that tell nothing inside.</summary>
public static class PlatformHost
{
    /// <summary>
    /// What a log is spared unless a configuration asks for it: a line or four a request, and a failure each time a probe asks a host that is
    /// still starting, which the probe's answer says already.
    /// </summary>
    private static readonly Dictionary<string, string?> LogLevels = new()
    {
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
        ["Logging:LogLevel:Microsoft.Extensions.Diagnostics.HealthChecks"] = "None",
    };

    /// <summary>
    /// A builder configured from appsettings.json beside the program, the environment (<c>Bus__Host</c>) and the command line
    /// (<c>--Bus:Host=…</c>), in rising precedence.
    /// </summary>
    /// <param name="args">The command line.</param>
    /// <param name="serviceName">For example "ingest"; names the service in traces.</param>
    public static WebApplicationBuilder CreateBuilder(string[] args, string serviceName)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory }
        );
        builder.Configuration.Sources.Insert(
            0,
            new MemoryConfigurationSource { InitialData = LogLevels }
        );
        builder.AddValidatedOptions<HttpOptions>("Http");
        builder.WebHost.ConfigureKestrel(
            (context, kestrel) =>
                Listen(kestrel, context.Configuration.ReadValidated<HttpOptions>("Http"))
        );
        builder
            .Services.AddOptions<HostOptions>()
            .Configure<IOptions<HttpOptions>>(
                (host, http) => host.ShutdownTimeout = TimeSpan.FromSeconds(http.Value.DrainSeconds)
            );
        builder
            .Services.AddOptions<FormOptions>()
            .Configure<IOptions<HttpOptions>>(
                (form, http) => form.MultipartBodyLengthLimit = http.Value.MaxRequestBytes
            );
        builder
            .Services.AddOptions<Grpc.AspNetCore.Server.GrpcServiceOptions>()
            .Configure<IOptions<HttpOptions>>(
                (grpc, http) =>
                {
                    grpc.MaxReceiveMessageSize = http.Value.MaxGrpcMessageBytes;
                    grpc.MaxSendMessageSize = http.Value.MaxGrpcMessageBytes;
                }
            );
        builder.Services.AddGrpc(options => options.Interceptors.Add<GrpcExceptions>());
        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<HttpExceptions>();
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            foreach (var converter in Contracts.PlatformJson.Options.Converters)
            {
                json.SerializerOptions.Converters.Add(converter);
            }
            json.SerializerOptions.DefaultIgnoreCondition = Contracts
                .PlatformJson
                .Options
                .DefaultIgnoreCondition;
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.AddTenancy();
        builder.AddTracing(serviceName);
        builder.AddHealth();
        return builder;
    }

    /// <summary>
    /// Adds the middleware and endpoints every service has: authentication, problem details, <c>/health/live|ready|startup</c>,
    /// gRPC health, <c>/metrics</c>. Call it before mapping the service's own endpoints.
    /// </summary>
    public static void MapPlatform(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseRouting();
        app.UseHttpMetrics(options =>
        {
            options.RequestCount.Enabled = false;
            options.ReduceStatusCodeCardinality();
        });
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapMetrics().AllowAnonymous();
        app.MapHealth();
    }

    private static void Listen(KestrelServerOptions kestrel, HttpOptions http)
    {
        var address = http.Address == "any" ? IPAddress.Any : IPAddress.Parse(http.Address);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = http.MaxRequestBytes;
        // Large uploads over long links: the default windows allow about 1 MiB in flight for a connection.
        kestrel.Limits.Http2.InitialConnectionWindowSize = 16 << 20;
        kestrel.Limits.Http2.InitialStreamWindowSize = 8 << 20;
        kestrel.Limits.Http2.MaxFrameSize = 1 << 20;
        kestrel.Listen(address, http.Port, listen => listen.Protocols = HttpProtocols.Http1);
        kestrel.Listen(address, http.GrpcPort, listen => listen.Protocols = HttpProtocols.Http2);
    }
}
