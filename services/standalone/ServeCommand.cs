using System.Globalization;

namespace Platform.Standalone;

/// <summary><c>up</c>: the embedded platform as a server on localhost.</summary>
public static class ServeCommand
{
    /// <summary>Serves until SIGINT or SIGTERM, then finishes what is in flight.</summary>
    public static async Task<int> RunAsync(
        int port,
        string? store,
        CancellationToken cancellationToken
    )
    {
        var local = new LocalStore(store);
        var settings = local.Settings();
        settings["Http:Port"] = port.ToString(CultureInfo.InvariantCulture);
        settings["Http:GrpcPort"] = (port + 1).ToString(CultureInfo.InvariantCulture);
        await using var app = StandaloneHost.Build([], settings);
        await app.StartAsync(cancellationToken);
        Console.WriteLine(
            $"results page  http://127.0.0.1:{port}/\ngRPC          127.0.0.1:{port + 1}\nAPI key       {local.ApiKey}"
        );
        await app.WaitForShutdownAsync(cancellationToken);
        return 0;
    }
}
