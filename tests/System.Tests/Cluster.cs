using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Contracts;
using Platform.Hosting;

namespace System.Tests;

/// <summary>
/// The distributed platform, started by the front door: a broker, a blob store, a database and every service as a process of its own,
/// with the committed models and a reference set of two, so that a study takes seconds.
/// </summary>
public sealed class Cluster : IAsyncLifetime
{
    private readonly string _folder = Path.Combine(
        FrontDoor.Root,
        "artifacts",
        "system-tests",
        $"{Guid.NewGuid():n}"[..8]
    );
    private readonly Dictionary<string, string> _environment;
    private readonly string _otherKey;

    public Cluster()
    {
        var (key, hash) = ApiKeys.New();
        _otherKey = key;
        _environment = new()
        {
            ["PLATFORM_RUN"] = Run,
            ["PLATFORM_PACKAGES"] = Packages,
            ["Results__ReconcileAfter"] = "00:00:05",
            ["Results__ReconcileEvery"] = "00:00:01",
            ["Tenants__1__Name"] = "other-hospital",
            ["Tenants__1__Sites__0"] = "default",
            ["Tenants__1__KeyHashes__0"] = hash,
            ["Tenants__1__StudySecret"] = Convert.ToBase64String(new byte[32]),
        };
    }

    public string Run => Path.Combine(_folder, "run");

    public string Packages => Path.Combine(_folder, "packages");

    public string Key { get; private set; } = "";

    /// <summary>Every service process, by the front door's names.</summary>
    public IReadOnlyList<string> Services { get; private set; } = [];

    public HttpClient Ingest { get; private set; } = null!;

    public HttpClient Results { get; private set; } = null!;

    /// <summary>results, asked with the key of another hospital.</summary>
    public HttpClient OtherTenant { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        SmallPackages.Make(Packages);
        await PlatformAsync("up", "--distributed", "--detach", "--port", "18080");
        Key = File.ReadLines(Path.Combine(Run, "secrets"))
            .Single(l => l.StartsWith("api_key=", StringComparison.Ordinal))["api_key=".Length..];
        Services =
        [
            .. Directory
                .GetFiles(Run, "*.sh")
                .Select(f => Path.GetFileNameWithoutExtension(f)!)
                .Except(["rabbitmq", "azurite", "postgresql"])
                .Order(),
        ];
        Ingest = Client("ingest", Key);
        Results = Client("results", Key);
        OtherTenant = Client("results", _otherKey);
    }

    public async Task DisposeAsync()
    {
        Ingest?.Dispose();
        Results?.Dispose();
        OtherTenant?.Dispose();
        await PlatformAsync("down");
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>SIGKILL for a process and all it started, then the same process again with its ports and settings.</summary>
    public async Task KillAndRestartAsync(string name)
    {
        var pid = (await File.ReadAllTextAsync(Path.Combine(Run, $"{name}.pid"))).Split(' ')[0];
        using var kill = Process.Start("kill", ["-KILL", "--", $"-{pid}"]);
        await kill.WaitForExitAsync();
        await PlatformAsync("restart", name);
    }

    public async Task<string> SubmitAsync(byte[] scan)
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(scan), "file", "scan.nii.gz" },
        };
        using var reply = await Ingest.PostAsync(new Uri("api/studies", UriKind.Relative), form);
        Assert.True(
            reply.StatusCode == HttpStatusCode.Accepted,
            $"{reply.StatusCode}: {await reply.Content.ReadAsStringAsync()}"
        );
        var answer = await reply.Content.ReadFromJsonAsync<JsonElement>();
        return answer.GetProperty("studyId").GetString()!;
    }

    public async Task<StudyReport> ReportAsync(string study, TimeSpan limit)
    {
        for (var deadline = Stopwatch.StartNew(); ; await Task.Delay(250))
        {
            try
            {
                using var reply = await Results.GetAsync(
                    new Uri($"api/studies/{study}/report", UriKind.Relative)
                );
                if (reply.StatusCode == HttpStatusCode.OK)
                {
                    return (
                        await reply.Content.ReadFromJsonAsync<StudyReport>(PlatformJson.Options)
                    )!;
                }
            }
            catch (HttpRequestException) when (deadline.Elapsed < limit) { } // results is the process being restarted
            Assert.True(deadline.Elapsed < limit, $"no report of {study} after {limit}");
        }
    }

    private async Task PlatformAsync(params string[] arguments)
    {
        var outcome = await FrontDoor.RunAsync(_environment, arguments);
        Assert.True(
            outcome.ExitCode == 0,
            $"./platform {string.Join(' ', arguments)} ended with {outcome.ExitCode}:\n{outcome.Output}"
        );
    }

    private HttpClient Client(string service, string key)
    {
        var port = File.ReadAllText(Path.Combine(Run, $"{service}.sh"))
            .Split("Http__Port=")[1]
            .Split(' ')[0];
        var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        client.DefaultRequestHeaders.Add(ApiKeys.Header, key);
        return client;
    }
}
