using System.Diagnostics;
using System.Threading.Channels;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Platform.Hosting.Tests;

/// <summary>A whole host, as a service's Program makes it, on free ports.</summary>
internal static class TestHost
{
    public static async Task<WebApplication> StartAsync(
        Dictionary<string, string?> settings,
        Action<IBusRegistrationConfigurator>? consumers = null,
        Action<WebApplicationBuilder>? configure = null,
        Action<WebApplication>? map = null,
        bool wait = true
    )
    {
        var all = new Dictionary<string, string?>(settings)
        {
            ["Http:Port"] = "0",
            ["Http:GrpcPort"] = "0",
        };
        var builder = PlatformHost.CreateBuilder(
            [.. all.Select(s => $"--{s.Key}={s.Value}")],
            "test"
        );
        builder.Logging.SetMinimumLevel(LogLevel.Critical);
        builder.Services.AddSingleton(Channel.CreateUnbounded<Seen>());
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
        if (wait && consumers is not null && settings.GetValueOrDefault("Bus:DeclareOnly") is null)
        {
            try
            {
                await ReadyAsync(app);
            }
            catch
            {
                await app.DisposeAsync();
                throw;
            }
        }
        return app;
    }

    /// <summary>Waits until the service says it is ready: an event published before its consumer's queue exists goes nowhere.</summary>
    private static async Task ReadyAsync(WebApplication app)
    {
        using var http = new HttpClient { BaseAddress = new(app.Urls.First()) };
        var clock = Stopwatch.StartNew();
        while (true)
        {
            using var answer = await http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            if (answer.IsSuccessStatusCode)
            {
                return;
            }
            if (clock.Elapsed.TotalSeconds > 40)
            {
                throw new TimeoutException(
                    $"the host was not ready within 40 s: {await answer.Content.ReadAsStringAsync()}"
                );
            }
            await Task.Delay(50);
        }
    }
}
