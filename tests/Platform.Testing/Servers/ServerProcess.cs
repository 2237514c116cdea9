using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Platform.Testing;

/// <summary>
/// A server that ends with the test process, however that ends: a shell holds one end of a pipe, and kills the server's
/// process group when the pipe closes.
/// </summary>
public sealed class ServerProcess : IDisposable
{
    private const string Watch =
        "trap : HUP INT TERM; setsid \"$@\" </dev/null >>\"$SERVER_LOG\" 2>&1 & pid=$!; "
        + "cat >/dev/null; kill -KILL -$pid || kill -KILL $pid; wait $pid";

    private readonly Process _shell;
    private readonly string _name;
    private readonly string _log;

    /// <param name="name">For error messages.</param>
    /// <param name="log">File that takes what the server prints.</param>
    /// <param name="environment">Added to this process's environment.</param>
    /// <param name="command">The program and its arguments.</param>
    public ServerProcess(
        string name,
        string log,
        IReadOnlyDictionary<string, string> environment,
        params IEnumerable<string> command
    )
    {
        (_name, _log) = (name, log);
        var start = new ProcessStartInfo("/bin/sh", ["-c", Watch, name, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(log),
        };
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }
        start.Environment["SERVER_LOG"] = log;
        _shell = Process.Start(start)!;
        _shell.ErrorDataReceived += (_, _) => { };
        _shell.BeginErrorReadLine();
    }

    /// <summary>Waits until <paramref name="answers"/> no longer throws.</summary>
    /// <exception cref="InvalidOperationException">The deadline passed; the text ends in what the server printed last.</exception>
    public async Task ReadyAsync(Func<Task> answers, TimeSpan deadline)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await answers();
                return;
            }
            catch (Exception e)
            {
                if (clock.Elapsed > deadline || _shell.HasExited)
                {
                    var printed = File.Exists(_log) ? await File.ReadAllTextAsync(_log) : "";
                    throw new InvalidOperationException(
                        $"{_name} was not ready after {clock.Elapsed.TotalSeconds:f0} s: {e.Message}\n"
                            + printed[Math.Max(0, printed.Length - 2000)..]
                    );
                }
                await Task.Delay(50);
            }
        }
    }

    /// <summary>SIGKILL to the server and all its children; returns when they are gone.</summary>
    public void Kill()
    {
        if (!_shell.HasExited)
        {
            _shell.StandardInput.Close();
            _shell.WaitForExit();
        }
    }

    public void Dispose()
    {
        Kill();
        _shell.Dispose();
    }

    /// <summary>Ports of the loopback that are free now, below the range the kernel hands out to clients.</summary>
    public static int[] FreePorts(int count)
    {
        var taken = new List<TcpListener>();
        try
        {
            while (taken.Count < count)
            {
                var listener = new TcpListener(
                    IPAddress.Loopback,
                    Random.Shared.Next(20_000, 32_000)
                );
                try
                {
                    listener.Start();
                    taken.Add(listener);
                }
                catch (SocketException)
                {
                    listener.Dispose();
                }
            }
            return [.. taken.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            taken.ForEach(l => l.Dispose());
        }
    }

    /// <summary>The first of the paths that exists.</summary>
    /// <exception cref="InvalidOperationException">None does; the text says what installs it.</exception>
    public static string Find(string what, string install, params IEnumerable<string> paths) =>
        paths.FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException(
            $"this test needs {what}: install it with '{install}', or run './platform test', which does."
        );

    /// <summary>Where a program may lie: on the PATH, then in the folders given.</summary>
    public static IEnumerable<string> Places(string program, params IEnumerable<string> folders) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(folders)
            .Select(folder => Path.Combine(folder, program));
}
