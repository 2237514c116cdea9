using System.Net.Sockets;
using System.Security.Cryptography;
using Xunit;

namespace Platform.Testing;

/// <summary>A real Azurite (Azure Blob Storage's emulator) on a free loopback port, with an account and key of its own.</summary>
public sealed class AzuriteServer : IAsyncLifetime
{
    private const string Script = "azurite/node_modules/azurite/dist/src/blob/main.js";
    private const string Account = "tests";

    private readonly TemporaryFolder _folder = new();
    private readonly int _port = ServerProcess.FreePorts(1)[0];
    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private ServerProcess? _server;

    public string ConnectionString =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={_key};BlobEndpoint=http://127.0.0.1:{_port}/{Account};";

    /// <summary>The settings of section "Blobs" that lead here.</summary>
    public Dictionary<string, string?> Settings =>
        new() { ["Blobs:Provider"] = "Azure", ["Blobs:ConnectionString"] = ConnectionString };

    /// <summary>Starts the server; about 2 s.</summary>
    public async Task InitializeAsync()
    {
        var node = ServerProcess.Find(
            "Node 20",
            "apt-get install nodejs",
            ServerProcess.Places("node")
        );
        var script = ServerProcess.Find(
            "Azurite",
            "npm install --prefix artifacts/tools/azurite azurite@3.37.0",
            ToolFolders().Select(folder => Path.Combine(folder, Script))
        );
        _server = new(
            "Azurite",
            _folder["azurite.log"],
            new Dictionary<string, string> { ["AZURITE_ACCOUNTS"] = $"{Account}:{_key}" },
            node,
            script,
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            $"{_port}",
            "-l",
            _folder["data"],
            "--silent",
            "--disableTelemetry"
        );
        await _server.ReadyAsync(
            async () =>
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", _port);
            },
            TimeSpan.FromSeconds(60)
        );
    }

    public Task DisposeAsync()
    {
        _server?.Dispose();
        _folder.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>PLATFORM_TOOLS, then artifacts/tools of the repository the tests were built in.</summary>
    private static IEnumerable<string> ToolFolders()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_TOOLS") is { Length: > 0 } tools)
        {
            yield return tools;
        }
        for (var up = new DirectoryInfo(AppContext.BaseDirectory); up is not null; up = up.Parent)
        {
            yield return Path.Combine(up.FullName, "artifacts", "tools");
        }
    }
}
