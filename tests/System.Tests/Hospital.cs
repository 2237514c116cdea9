using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.Hosting;
using Platform.Testing;

namespace System.Tests;

/// <summary>
/// A hospital and what lies beyond its wall, each part a process, on a network of their own: Orthanc as docker/edge configures it, the agent beside it, and
/// the platform, standalone, with a tiny model.
/// </summary>
internal sealed class Hospital : IAsyncDisposable
{
    private const int OrthancPort = 8042;
    private const int DicomPort = 4242;
    private const int PlatformPort = 8080;
    private const int AgentPort = 8090;
    private static readonly TimeSpan Start = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder _folder = new();
    private readonly NetworkNamespace _network;
    private readonly Dictionary<string, string> _settings = [];
    private readonly (string Key, string Hash) _gateway = ApiKeys.New();
    private ServerProcess? _orthanc;
    private ServerProcess? _platform;
    private ServerProcess? _agent;

    private Hospital(NetworkNamespace network)
    {
        _network = network;
        (Orthanc, Agent, Platform) = (
            network.Client(OrthancPort),
            network.Client(AgentPort),
            network.Client(PlatformPort)
        );
    }

    public HttpClient Orthanc { get; }

    public HttpClient Agent { get; }

    public HttpClient Platform { get; }

    /// <summary>Everything the platform stored: blobs and read model.</summary>
    public string Store => _folder["store"];

    /// <summary>What the agent keeps.</summary>
    public string State => Path.Combine(Edge, "state");

    /// <summary>What the platform and the agent said.</summary>
    public IReadOnlyList<string> Logs => [_folder["platform.log"], _folder["agent.log"]];

    /// <summary>A hospital in which Orthanc runs.</summary>
    public static async Task<Hospital> OpenAsync()
    {
        var hospital = new Hospital(await NetworkNamespace.CreateAsync());
        await hospital.PrepareAsync();
        await hospital.StartOrthancAsync();
        return hospital;
    }

    public async Task StartPlatformAsync()
    {
        if (!Directory.Exists(_folder["packages"]))
        {
            TinyPackage.Segmentation(_folder["packages"]);
        }
        _platform = new(
            "the platform",
            _folder["platform.log"],
            new Dictionary<string, string>
            {
                ["Packages__Path"] = _folder["packages"],
                ["Tenants__0__GatewayKeyHashes__0"] = _gateway.Hash,
                ["Results__ReconcileAfter"] = "00:00:05",
                ["Results__ReconcileEvery"] = "00:00:01",
            },
            _network.Run(
                "dotnet",
                Path.Combine(AppContext.BaseDirectory, "Platform.Standalone.dll"),
                "up",
                "--port",
                PlatformPort.ToString(CultureInfo.InvariantCulture),
                "--store",
                Store
            )
        );
        await _platform.ReadyAsync(() => Platform.GetStringAsync("health/ready"), Start);
    }

    public async Task StartAgentAsync(params (string Key, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>(_settings)
        {
            ["Edge__Platform"] = $"http://127.0.0.1:{PlatformPort}",
            ["Edge__Key"] = _gateway.Key,
            ["Edge__StatePath"] = State,
            ["Edge__PollEvery"] = "00:00:00.100",
            ["Edge__RetryAtMost"] = "00:00:00.500",
        };
        foreach (var (key, value) in settings)
        {
            environment[key] = value;
        }
        _agent = new(
            "the agent",
            _folder["agent.log"],
            environment,
            _network.Run("dotnet", Path.Combine(AppContext.BaseDirectory, "Platform.Edge.dll"))
        );
        await _agent.ReadyAsync(() => Agent.GetStringAsync("health/ready"), Start);
    }

    /// <summary>SIGKILL.</summary>
    public void KillAgent()
    {
        _agent!.Dispose();
        _agent = null;
    }

    /// <summary>A modality sends slices of the study (C-STORE), as dcmtk does it.</summary>
    public async Task SendAsync(params IEnumerable<int> slices)
    {
        var folder = _folder[$"sent-{Guid.NewGuid():n}"];
        NamedStudy.Write(folder, slices);
        await RunAsync(
            "storescu",
            "--call",
            "EDGE",
            "127.0.0.1",
            DicomPort.ToString(CultureInfo.InvariantCulture),
            "--scan-directories",
            folder
        );
    }

    /// <summary>Waits until Orthanc has results of the named study, and gives all its instances.</summary>
    public async Task<IReadOnlyList<JsonElement>> ReturnedAsync()
    {
        IReadOnlyList<JsonElement> found = [];
        await WaitAsync(
            async () =>
            {
                found = await InstancesAsync();
                return found.Any(one => Text(one, "Modality") == "SEG")
                    && found.Any(one => Text(one, "Modality") == "SR");
            },
            () => $"Orthanc has {found.Count} instances, SEG and SR not among them"
        );
        return found;
    }

    /// <summary>Everything in Orthanc, by the names of its attributes.</summary>
    public async Task<IReadOnlyList<JsonElement>> InstancesAsync()
    {
        var ids = await Orthanc.GetFromJsonAsync<string[]>("instances");
        var found = new List<JsonElement>();
        foreach (var id in ids!)
        {
            found.Add(
                await Orthanc.GetFromJsonAsync<JsonElement>($"instances/{id}/simplified-tags")
            );
        }
        return found;
    }

    /// <summary>A number of the agent's metrics; 0 where it is not there yet.</summary>
    public async Task<double> MetricAsync(string name)
    {
        var lines = (await Agent.GetStringAsync("metrics")).Split('\n');
        return
            Array.Find(lines, line => line.StartsWith($"{name} ", StringComparison.Ordinal))
                is { } line
            ? double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture)
            : 0;
    }

    public async Task WaitAsync(Func<Task<bool>> condition, Func<string> what)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(20))
        {
            Assert.True(
                clock.Elapsed < Limit,
                $"after {Limit}: {what()}\n{string.Join('\n', Logs.Where(File.Exists).Select(log => Tail(log)))}"
            );
        }
    }

    public static string Text(JsonElement instance, string name) =>
        instance.TryGetProperty(name, out var value) ? value.ToString() : "";

    public async ValueTask DisposeAsync()
    {
        Orthanc.Dispose();
        Agent.Dispose();
        Platform.Dispose();
        _agent?.Dispose();
        _platform?.Dispose();
        _orthanc?.Dispose();
        await _network.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>The folder that docker/edge/prepare.sh makes.</summary>
    private string Edge => _folder["edge"];

    private async Task PrepareAsync()
    {
        await RunAsync(Path.Combine(FrontDoor.Root, "docker", "edge", "prepare.sh"), Edge);
        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(Edge, "edge.env")))
        {
            var (key, value) = (line.Split('=', 2)[0], line.Split('=', 2)[1]);
            _settings[key] = value;
        }
        Orthanc.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic",
            Convert.ToBase64String(
                Encoding.UTF8.GetBytes($"agent:{_settings["Edge__OrthancPassword"]}")
            )
        );
    }

    private async Task StartOrthancAsync()
    {
        var program = ServerProcess.Find(
            "Orthanc",
            "apt-get install orthanc orthanc-dicomweb dcmtk",
            ServerProcess.Places("Orthanc", "/usr/sbin")
        );
        var site = Path.Combine(Edge, "orthanc", "site.json");
        var settings = JsonNode.Parse(
            await File.ReadAllTextAsync(site),
            documentOptions: new() { CommentHandling = JsonCommentHandling.Skip }
        )!;
        settings["StorageDirectory"] = Path.Combine(Edge, "studies");
        settings["StableAge"] = 1;
        await File.WriteAllTextAsync(site, settings.ToJsonString());
        _orthanc = new(
            "Orthanc",
            _folder["orthanc.log"],
            new Dictionary<string, string>(),
            _network.Run(program, Path.Combine(Edge, "orthanc"))
        );
        await _orthanc.ReadyAsync(() => Orthanc.GetStringAsync("system"), Start);
    }

    private async Task RunAsync(params string[] command)
    {
        var line = _network.Run(command);
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{command[0]} ended with {process.ExitCode}: {errors}");
    }

    private static string Tail(string log)
    {
        using var file = new FileStream(
            log,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete
        );
        using var reader = new StreamReader(file);
        var text = reader.ReadToEnd();
        return $"{log}: {text[Math.Max(0, text.Length - 3000)..]}";
    }
}
