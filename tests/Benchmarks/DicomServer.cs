using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Platform.Benchmarks;

/// <summary>A process that takes instances by STOW-RS and keeps them in a folder of its own; ended and forgotten when disposed.</summary>
sealed class DicomServer : IDisposable
{
    const string OrthancPlugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

    readonly Process _process;
    readonly StringBuilder _said = new();
    readonly string _folder;

    DicomServer(string folder, ProcessStartInfo start, Uri studies, Action<HttpRequestHeaders> key)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _folder = folder;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) => Hear(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Sender = new DicomSender(studies, key);
    }

    public DicomSender Sender { get; }

    /// <summary>Most memory that was resident so far, MB (10⁶ bytes): VmHWM.</summary>
    public double PeakMegabytes =>
        File.ReadLines($"/proc/{_process.Id}/status")
            .Where(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2])
            .Select(kib => double.Parse(kib, CultureInfo.InvariantCulture) * 1024 / 1e6)
            .Single();

    /// <summary>"Orthanc 1.10.1"; null where it or its DICOMweb plugin is not installed.</summary>
    public static string? OrthancVersion() =>
        File.Exists(OrthancPlugin) && Tool.Try("Orthanc", "--version") is { } said
            ? said.Split('\n')[0].Trim()
            : null;

    /// <summary>
    /// Orthanc as it is by default: SQLite, and files flushed to the disk before it answers (SyncStorageArea). Without its C-STORE server; only this machine
    /// may call, with a random password.
    /// </summary>
    public static DicomServer StartOrthanc()
    {
        var folder = Directory.CreateTempSubdirectory("bench-orthanc-").FullName;
        var (port, password) = (FreePort(), RandomNumberGenerator.GetHexString(32));
        var options = Path.Combine(folder, "orthanc.json");
        File.WriteAllText(
            options,
            JsonSerializer.Serialize(
                new Dictionary<string, object>
                {
                    ["StorageDirectory"] = Path.Combine(folder, "storage"),
                    ["IndexDirectory"] = Path.Combine(folder, "index"),
                    ["Plugins"] = new[] { OrthancPlugin },
                    ["HttpPort"] = port,
                    ["DicomServerEnabled"] = false,
                    ["RemoteAccessAllowed"] = false,
                    ["AuthenticationEnabled"] = true,
                    ["RegisteredUsers"] = new Dictionary<string, string> { ["bench"] = password },
                    ["SyncStorageArea"] = true,
                }
            )
        );
        var key = Convert.ToBase64String(Encoding.ASCII.GetBytes($"bench:{password}"));
        var server = new DicomServer(
            folder,
            new ProcessStartInfo("Orthanc", [options]),
            new Uri($"http://127.0.0.1:{port}/dicom-web/studies"),
            headers => headers.Authorization = new AuthenticationHeaderValue("Basic", key)
        );
        server.Await(new Uri($"http://127.0.0.1:{port}/system"));
        return server;
    }

    /// <summary>The ingest service alone: the folder store, which flushes each file and its name to the disk before the answer, and the bus in memory.</summary>
    public static DicomServer StartIngest()
    {
        var folder = Directory.CreateTempSubdirectory("bench-ingest-").FullName;
        var (port, key) = (FreePort(), RandomNumberGenerator.GetHexString(32));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        var program = Path.Combine(
            BenchTable.RepositoryRoot(),
            "artifacts/bin/Platform.Ingest/release/Platform.Ingest"
        );
        var server = new DicomServer(
            folder,
            new ProcessStartInfo(program)
            {
                Environment =
                {
                    ["Http__Port"] = $"{port}",
                    ["Http__GrpcPort"] = "0",
                    ["Blobs__Path"] = Path.Combine(folder, "blobs"),
                    ["Ingest__SpoolPath"] = folder,
                    ["Tenants__0__Name"] = "bench",
                    ["Tenants__0__KeyHashes__0"] = hash,
                    ["Tenants__0__StudySecret"] = Convert.ToBase64String(
                        RandomNumberGenerator.GetBytes(32)
                    ),
                },
            },
            new Uri($"http://127.0.0.1:{port}/dicom-web/studies"),
            headers => headers.Add("x-api-key", key)
        );
        server.Await(new Uri($"http://127.0.0.1:{port}/health/ready"));
        return server;
    }

    public void Dispose()
    {
        Sender.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Returns once it answers; that it wants a password is an answer too.</summary>
    void Await(Uri ready)
    {
        using var client = new HttpClient();
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var response = client.Send(new HttpRequestMessage(HttpMethod.Get, ready));
                if (
                    response.IsSuccessStatusCode
                    || response.StatusCode == HttpStatusCode.Unauthorized
                )
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
            if (_process.HasExited || Stopwatch.GetElapsedTime(started).TotalSeconds > 60)
            {
                var said = Said();
                Dispose();
                throw new InvalidOperationException($"{ready} does not answer: {said}");
            }
            Thread.Sleep(50);
        }
    }

    void Hear(string? line)
    {
        lock (_said)
        {
            _said.AppendLine(line);
        }
    }

    string Said()
    {
        lock (_said)
        {
            return _said.ToString()[^Math.Min(2000, _said.Length)..];
        }
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
