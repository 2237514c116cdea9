using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Dicom;
using Platform.Hosting;
using Platform.Testing;

namespace Platform.Edge.Tests;

/// <summary>
/// The agent as its Program makes it, between an Orthanc and a platform that answer what a test wants: the faults that the real ones, which System.Tests
/// runs, do not show on request.
/// </summary>
internal sealed partial class EdgeHost : IAsyncDisposable
{
    private readonly WebApplication _peers;
    private WebApplication? _agent;
    private int _secureConnections;

    private EdgeHost()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(
                IPAddress.Loopback,
                0,
                listen =>
                {
                    listen.Use(next =>
                        connection =>
                        {
                            Interlocked.Increment(ref _secureConnections);
                            return next(connection);
                        }
                    );
                    listen.UseHttps(Certificate());
                }
            );
        });
        _peers = builder.Build();
        MapOrthanc();
        MapPlatform();
    }

    /// <summary>The authority that signed the certificate of <see cref="SecureAddress"/>, as a PEM file.</summary>
    public string Authority => Folder["ca.pem"];

    /// <summary>The platform over TLS.</summary>
    public string SecureAddress => _peers.Urls.Last();

    /// <summary>How often somebody connected there.</summary>
    public int SecureConnections => Volatile.Read(ref _secureConnections);

    /// <summary>Instances in Orthanc by their identifiers; all of one study.</summary>
    public ConcurrentDictionary<string, byte[]> Instances { get; } = new();

    /// <summary>What Orthanc was asked to send, as "modality/instance".</summary>
    public ConcurrentQueue<string> Forwarded { get; } = new();

    /// <summary>Whether the modalities answer.</summary>
    public volatile bool IsPacsUp = true;

    /// <summary>Bodies that the platform took.</summary>
    public ConcurrentQueue<byte[]> Stored { get; } = new();

    /// <summary>Queries of the calls that completed a study.</summary>
    public ConcurrentQueue<string> Completed { get; } = new();

    /// <summary>What the platform answers to STOW-RS: a status; 200 is a success of all.</summary>
    public Func<int> Answer { get; set; } = () => 200;

    public ConcurrentQueue<DateTimeOffset> Attempts { get; } = new();

    /// <summary>Result objects at the platform by SOPInstanceUID.</summary>
    public ConcurrentDictionary<string, byte[]> Results { get; } = new();

    public TemporaryFolder Folder { get; } = new();

    public StudyLedger Ledger => _agent!.Services.GetRequiredService<StudyLedger>();

    public StudyRecord Study => Assert.Single(Ledger.Active);

    public HttpClient Client { get; } = new();

    public static async Task<EdgeHost> StartAsync(params (string Key, string Value)[] settings)
    {
        var host = await OpenAsync();
        await host.StartAgentAsync(settings);
        return host;
    }

    /// <summary>Without the agent.</summary>
    public static async Task<EdgeHost> OpenAsync()
    {
        var host = new EdgeHost();
        await host._peers.StartAsync();
        return host;
    }

    public async Task StartAgentAsync(params (string Key, string Value)[] settings)
    {
        var builder = PlatformHost.CreateBuilder([], "edge");
        builder.Logging.ClearProviders();
        var values = new Dictionary<string, string?>
        {
            ["Http:Port"] = "0",
            ["Http:GrpcPort"] = "0",
            ["Edge:Orthanc"] = _peers.Urls.First(),
            ["Edge:OrthancUser"] = "agent",
            ["Edge:OrthancPassword"] = "password",
            ["Edge:Platform"] = _peers.Urls.First(),
            ["Edge:Key"] = "key",
            ["Edge:Secret"] = Convert.ToBase64String(new byte[32]),
            ["Edge:StatePath"] = Folder["state"],
            ["Edge:PollEvery"] = "00:00:00.050",
            ["Edge:RetryAtMost"] = "00:00:00.100",
        };
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }
        builder.Configuration.AddInMemoryCollection(values);
        builder.AddEdge();
        _agent = builder.Build();
        _agent.MapPlatform();
        _agent.MapEdge();
        await _agent.StartAsync();
        Client.BaseAddress ??= new Uri(_agent.Urls.First());
    }

    public async Task StopAgentAsync()
    {
        await _agent!.StopAsync();
        await _agent.DisposeAsync();
    }

    public static async Task WaitAsync(Func<bool> condition, Func<string> what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), what());
        }
    }

    public Task WaitForAsync(EdgeStudyState state) =>
        WaitAsync(
            () => Ledger.Active.FirstOrDefault()?.State == state,
            () => $"the study is not {state}: {Ledger.Active.FirstOrDefault()}"
        );

    /// <summary>An instance whose SOPInstanceUID is "1.2.3.4." and its number.</summary>
    public static byte[] Instance(int number, string burnedIn = "NO", string description = "")
    {
        using var file = new MemoryStream();
        new DicomDataset()
            .Add(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.4")
            .Add(
                0x0008_0018,
                "UI",
                string.Create(CultureInfo.InvariantCulture, $"1.2.3.4.{number}")
            )
            .Add(0x0008_103E, "LO", description)
            .Add(0x0010_0010, "PN", "Quellmalz^Ottilie")
            .Add(0x0010_0020, "LO", "4711")
            .Add(0x0020_000D, "UI", "1.2.3")
            .Add(0x0020_000E, "UI", "1.2.3.4")
            .Add(0x0028_0301, "CS", burnedIn)
            .WriteFile(file);
        return file.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await _peers.DisposeAsync();
        Client.Dispose();
        Folder.Dispose();
    }

    private void MapOrthanc()
    {
        _peers.MapGet(
            "/changes",
            (int since) =>
            {
                var all = Instances.Keys.Order(StringComparer.Ordinal).ToArray();
                var changes = all.Skip(since).Take(2).ToArray();
                return new
                {
                    Changes = changes.Select(id => new { ChangeType = "NewInstance", ID = id }),
                    Last = changes.Length == 0 ? all.Length : since + changes.Length,
                    Done = since + changes.Length >= all.Length,
                };
            }
        );
        _peers.MapGet(
            "/instances/{id}/study",
            (string id) => new { ID = "study", IsStable = true }
        );
        _peers.MapGet("/studies/study", () => new { ID = "study", IsStable = true });
        _peers.MapGet(
            "/studies/study/instances",
            () =>
                Instances.Select(one => new
                {
                    ID = one.Key,
                    MainDicomTags = new
                    {
                        SOPInstanceUID = UidPattern()
                            .Match(Encoding.ASCII.GetString(one.Value))
                            .Value,
                    },
                })
        );
        _peers.MapGet(
            "/instances/{id}/file",
            (string id) => TypedResults.Bytes(Instances[id], "application/dicom")
        );
        _peers.MapGet(
            "/instances/{id}/simplified-tags",
            (string id) => Encoding.ASCII.GetString(Instances[id])
        );
        _peers.MapPost(
            "/instances",
            async (HttpRequest request) =>
            {
                using var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                var id = string.Create(CultureInfo.InvariantCulture, $"{900 + Instances.Count}");
                Instances[id] = body.ToArray();
                return new { ID = id, Status = "Success" };
            }
        );
        _peers.MapPost(
            "/modalities/{name}/store",
            async (string name, HttpRequest request) =>
            {
                using var reader = new StreamReader(request.Body);
                var instance = await reader.ReadToEndAsync();
                if (!IsPacsUp)
                {
                    return (IResult)TypedResults.StatusCode(500);
                }
                Forwarded.Enqueue($"{name}/{instance}");
                return TypedResults.Ok();
            }
        );
    }

    private void MapPlatform()
    {
        _peers.MapPost(
            "/dicom-web/studies",
            async (HttpContext context) =>
            {
                Attempts.Enqueue(DateTimeOffset.UtcNow);
                var status = Answer();
                if (status != 200)
                {
                    context.Response.Headers.RetryAfter = "1";
                    return (IResult)TypedResults.StatusCode(status);
                }
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                Stored.Enqueue(body.ToArray());
                return TypedResults.Json(new { });
            }
        );
        _peers.MapPost(
            "/dicom-web/studies/{study}/complete",
            (HttpRequest request) =>
            {
                Completed.Enqueue(request.QueryString.Value!);
                return TypedResults.Ok();
            }
        );
        _peers.MapGet(
            "/dicom-web/studies/{study}/instances",
            () =>
                Results.Keys.Select(uid => new Dictionary<string, object>
                {
                    ["00080018"] = Uid(uid),
                    ["0020000E"] = Uid("1.2.3.5"),
                })
        );
        _peers.MapGet(
            "/dicom-web/studies/{study}/series/{series}/instances/{instance}",
            (string instance) => TypedResults.Bytes(Results[instance], "application/dicom")
        );
    }

    private X509Certificate2 Certificate()
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest(
            "CN=a hospital's authority",
            authorityKey,
            HashAlgorithmName.SHA256
        );
        authorityRequest.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(true, false, 0, true)
        );
        using var authority = authorityRequest.CreateSelfSigned(from, to);
        File.WriteAllText(Authority, authority.ExportCertificatePem());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=platform", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, from, to, [1]);
        return certificate.CopyWithPrivateKey(key);
    }

    private static Dictionary<string, object> Uid(string uid) =>
        new() { ["vr"] = "UI", ["Value"] = new[] { uid } };

    /// <summary>Of an instance; the meta information has it first.</summary>
    [GeneratedRegex(@"1\.2\.3\.\d\.\d+")]
    private static partial Regex UidPattern();
}
