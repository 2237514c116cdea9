using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Platform.Testing;

/// <summary>
/// A network in which there is a loopback and nothing else, for servers that listen on every address and take fixed ports. It needs the right to make one
/// (root, or CAP_SYS_ADMIN).
/// </summary>
public sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const int ReadOnly = 0;
    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _holder;
    private readonly string _path;

    private NetworkNamespace(TemporaryFolder folder, ServerProcess holder, string path) =>
        (_folder, _holder, _path) = (folder, holder, path);

    public static async Task<NetworkNamespace> CreateAsync()
    {
        var folder = new TemporaryFolder();
        var pid = folder["pid"];
        var holder = new ServerProcess(
            "a network namespace",
            folder["log"],
            new Dictionary<string, string>(),
            "unshare",
            "--net",
            "sh",
            "-ec",
            "ip link set lo up; echo $$ >\"$0.draft\"; mv \"$0.draft\" \"$0\"; exec sleep infinity",
            pid
        );
        await holder.ReadyAsync(
            () => File.Exists(pid) ? Task.CompletedTask : throw new IOException("no loopback yet"),
            TimeSpan.FromSeconds(30)
        );
        return new(folder, holder, $"/proc/{(await File.ReadAllTextAsync(pid)).Trim()}/ns/net");
    }

    /// <summary>The command that runs another one in here.</summary>
    public string[] Run(params string[] command) => ["nsenter", $"--net={_path}", .. command];

    /// <summary>A client of an HTTP server in here.</summary>
    public HttpClient Client(int port) =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (context, cancellationToken) =>
                {
                    var socket = Open();
                    await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = new Uri($"http://127.0.0.1:{port}/"),
        };

    public ValueTask DisposeAsync()
    {
        _holder.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A socket stays in the network its thread was in: this one ends with it, so that nothing else is.</summary>
    private Socket Open()
    {
        Socket? socket = null;
        var error = 0;
        var thread = new Thread(() =>
        {
            var file = OpenFile(_path, ReadOnly);
            if (SetNamespace(file, 0) != 0)
            {
                error = Marshal.GetLastPInvokeError();
            }
            _ = Close(file);
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        });
        thread.Start();
        thread.Join();
        if (error != 0)
        {
            socket!.Dispose();
            throw new IOException(
                $"{_path} cannot be entered: {Marshal.GetPInvokeErrorMessage(error)}"
            );
        }
        return socket!;
    }

    [LibraryImport(
        "libc",
        EntryPoint = "open",
        StringMarshalling = StringMarshalling.Utf8,
        SetLastError = true
    )]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int file, int kind);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
