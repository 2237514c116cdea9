using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Platform.Hosting;

/// <summary>Section "Otel".</summary>
public sealed class TracingOptions
{
    /// <summary>Where traces are sent (OTLP over gRPC), for example http://collector:4317. Unset: OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Which fraction of the studies is traced, 0–1.</summary>
    [Range(0.0, 1.0)]
    public double SampleRatio { get; init; } = 1;
}

/// <summary>One trace a study: it begins with the upload and every stage's messages carry it on.</summary>
public static class HostTracing
{
    /// <summary>For a stage's own spans, for example "infer".</summary>
    public static ActivitySource Source { get; } = new("Platform");

    internal static void AddTracing(this IHostApplicationBuilder builder, string serviceName)
    {
        var options = builder.Configuration.ReadValidated<TracingOptions>("Otel");
        builder
            .Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(serviceName, "platform"))
            .WithTracing(tracing =>
            {
                tracing
                    .SetSampler(
                        new ParentBasedSampler(new TraceIdRatioBasedSampler(options.SampleRatio))
                    )
                    .AddSource(Source.Name, "MassTransit")
                    .AddAspNetCoreInstrumentation(web =>
                        web.Filter = context =>
                            !context.Request.Path.StartsWithSegments("/health")
                            && !context.Request.Path.StartsWithSegments("/metrics")
                    );
                if (options.Endpoint is not null)
                {
                    tracing.AddOtlpExporter(otlp => otlp.Endpoint = options.Endpoint);
                }
                else if (
                    !string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])
                )
                {
                    tracing.AddOtlpExporter();
                }
            });
    }
}
