using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using RabbitMQ.Client;
using Xunit;

namespace Platform.Testing;

/// <summary>
/// A real RabbitMQ on free loopback ports, with the management API. Share it as a collection or class fixture and take a
/// fresh virtual host a test.
/// </summary>
public sealed class RabbitMqServer : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly int[] _ports = ServerProcess.FreePorts(4);
    private readonly HttpClient _management;
    private ServerProcess? _epmd;
    private ServerProcess? _broker;

    public RabbitMqServer()
    {
        _management = new() { BaseAddress = new($"http://127.0.0.1:{ManagementPort}/api/") };
        _management.DefaultRequestHeaders.Authorization = new(
            "Basic",
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}"))
        );
    }

    public const string Host = "127.0.0.1";

    public int Port => _ports[0];

    public int ManagementPort => _ports[1];

    public const string Username = "tests";

    public string Password { get; } = RandomNumberGenerator.GetHexString(32);

    /// <summary>Starts the broker; 5 to 10 s.</summary>
    public async Task InitializeAsync()
    {
        var epmd = ServerProcess.Find(
            "epmd",
            "apt-get install rabbitmq-server",
            ServerProcess.Places("epmd")
        );
        await File.WriteAllTextAsync(
            _folder["rabbitmq.conf"],
            $"""
            listeners.tcp.1 = 127.0.0.1:{Port}
            management.tcp.ip = 127.0.0.1
            management.tcp.port = {ManagementPort}
            default_user = {Username}
            default_pass = {Password}
            disk_free_limit.absolute = 50MB
            log.console = true
            log.console.level = warning
            log.file = false
            """
        );
        await File.WriteAllTextAsync(_folder["plugins"], "[rabbitmq_management].\n");
        await File.WriteAllTextAsync(_folder["env.conf"], "");
        // epmd is started here, because one that the broker starts outlives it.
        _epmd = new("epmd", _folder["epmd.log"], Environment(), epmd, "-address", "127.0.0.1");
        await StartAsync();
    }

    /// <summary>
    /// Waits until every quorum queue's raft member is on disk, half a second after its declaration. A queue whose broker is killed
    /// before comes back without a leader and confirms nothing ever after.
    /// </summary>
    public async Task SettledAsync()
    {
        var queues = await _management.GetFromJsonAsync<JsonElement[]>("queues");
        var members = queues!
            .Where(queue =>
                queue.GetProperty("arguments").TryGetProperty("x-queue-type", out var type)
                && type.GetString() == "quorum"
            )
            .Select(queue => $"{queue.GetProperty("vhost")}_{queue.GetProperty("name")}")
            .ToList();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!members.All(IsOnDisk))
        {
            await Task.Delay(50, deadline.Token);
        }
    }

    /// <summary>SIGKILL: what a node's power cut looks like.</summary>
    public void Kill()
    {
        _broker?.Dispose();
        _broker = null;
    }

    /// <summary>Starts the broker again on the same ports and data; about 4 s.</summary>
    public Task RestartAsync()
    {
        Kill();
        return StartAsync();
    }

    /// <summary>A new virtual host, for one test.</summary>
    public async Task<string> CreateVirtualHostAsync()
    {
        var name = $"t{Guid.NewGuid():n}"[..16];
        using var created = await _management.PutAsync(
            $"vhosts/{name}",
            JsonContent.Create(new { })
        );
        created.EnsureSuccessStatusCode();
        return name;
    }

    /// <summary>The settings of section "Bus" that lead to a virtual host here, with quick retries.</summary>
    public Dictionary<string, string?> Settings(string virtualHost) =>
        new()
        {
            ["Bus:Transport"] = "RabbitMq",
            ["Bus:Host"] = Host,
            ["Bus:Port"] = $"{Port}",
            ["Bus:VirtualHost"] = virtualHost,
            ["Bus:Username"] = Username,
            ["Bus:Password"] = Password,
            ["Bus:RetryMinSeconds"] = "0.05",
            ["Bus:RetryMaxSeconds"] = "0.2",
        };

    /// <summary>The queues of a virtual host: name, type ("quorum" or "classic") and consumers, as the broker knows them now.</summary>
    public async Task<IReadOnlyList<RabbitMqQueue>> QueuesAsync(string virtualHost)
    {
        var queues = await _management.GetFromJsonAsync<JsonElement[]>($"queues/{virtualHost}");
        return
        [
            .. queues!.Select(q => new RabbitMqQueue(
                q.GetProperty("name").GetString()!,
                q.TryGetProperty("type", out var type) ? type.GetString()! : "classic",
                q.TryGetProperty("consumers", out var consumers) ? consumers.GetInt32() : 0
            )),
        ];
    }

    /// <summary>Has the broker drop every connection to a virtual host, as a network fault would.</summary>
    public async Task CloseConnectionsAsync(string virtualHost)
    {
        // The management database learns of a connection only seconds after it was made.
        for (var wait = 0; wait < 200; wait++)
        {
            var open = await _management.GetFromJsonAsync<JsonElement[]>(
                $"vhosts/{virtualHost}/connections"
            );
            foreach (var connection in open!)
            {
                var name = Uri.EscapeDataString(connection.GetProperty("name").GetString()!);
                using var closed = await _management.DeleteAsync($"connections/{name}");
                closed.EnsureSuccessStatusCode();
            }
            if (open.Length > 0)
            {
                return;
            }
            await Task.Delay(100);
        }
        throw new InvalidOperationException("the broker lists no connection");
    }

    /// <summary>A connection by the plain client.</summary>
    public Task<IConnection> ConnectAsync(string virtualHost) =>
        new ConnectionFactory
        {
            HostName = Host,
            Port = Port,
            VirtualHost = virtualHost,
            UserName = Username,
            Password = Password,
        }.CreateConnectionAsync();

    public Task DisposeAsync()
    {
        _broker?.Dispose();
        _epmd?.Dispose();
        _management.Dispose();
        _folder.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Whether a raft member's name, and its vote for itself, have reached the files that a restart reads.</summary>
    private bool IsOnDisk(string member) =>
        new[] { "names.dets", "meta.dets" }.All(file =>
            File.ReadAllBytes(_folder[$"data/tests@localhost/quorum/tests@localhost/{file}"])
                .AsSpan()
                .IndexOf(Encoding.UTF8.GetBytes(member)) >= 0
        );

    private async Task StartAsync()
    {
        var program = ServerProcess.Find(
            "RabbitMQ",
            "apt-get install rabbitmq-server",
            "/usr/lib/rabbitmq/bin/rabbitmq-server"
        );
        _broker = new("RabbitMQ", _folder["broker.log"], Environment(), program);
        await _broker.ReadyAsync(
            async () =>
            {
                await using var connection = await ConnectAsync("/");
                using var answer = await _management.GetAsync("overview");
                answer.EnsureSuccessStatusCode();
            },
            TimeSpan.FromSeconds(90)
        );
    }

    private Dictionary<string, string> Environment() =>
        new()
        {
            ["HOME"] = _folder.Path,
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_EPMD_PORT"] = $"{_ports[2]}",
            ["RABBITMQ_DIST_PORT"] = $"{_ports[3]}",
            ["RABBITMQ_NODENAME"] = "tests@localhost",
            ["RABBITMQ_MNESIA_BASE"] = _folder["data"],
            ["RABBITMQ_LOG_BASE"] = _folder["log"],
            ["RABBITMQ_CONF_ENV_FILE"] = _folder["env.conf"],
            ["RABBITMQ_CONFIG_FILE"] = _folder["rabbitmq.conf"],
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = _folder["plugins"],
            ["RABBITMQ_PID_FILE"] = _folder["pid"],
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            // The script then replaces itself by the broker instead of watching it.
            ["RUNNING_UNDER_SYSTEMD"] = "true",
        };
}

/// <summary>A queue as the broker's management API describes it.</summary>
public sealed record RabbitMqQueue(string Name, string Type, int Consumers);
