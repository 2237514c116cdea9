using System.Threading.Channels;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;

namespace Platform.Hosting.Tests;

/// <summary>A whole host, as a service's Program makes it, on free ports.</summary>
internal static class TestHost
{
    public static async Task<WebApplication> StartAsync(
        Dictionary<string, string?> settings,
        Action<IBusRegistrationConfigurator>? consumers = null,
        Action<WebApplicationBuilder>? configure = null,
        Action<WebApplication>? map = null
    )
    {
        var builder = PlatformHost.CreateBuilder([], "test");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?> { ["Http:Port"] = "0", ["Http:GrpcPort"] = "0" }
        );
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(Channel.CreateUnbounded<(VolumeSegmented, string)>());
        builder.AddBlobs();
        if (consumers is not null)
        {
            builder.AddBus(consumers);
        }
        configure?.Invoke(builder);
        var app = builder.Build();
        app.MapPlatform();
        map?.Invoke(app);
        await app.StartAsync();
        return app;
    }
}
