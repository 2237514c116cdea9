using System.Diagnostics;
using System.Text;

namespace System.Tests;

/// <summary><c>./platform</c>, as a user runs it.</summary>
internal static class FrontDoor
{
    /// <summary>Tests that run a whole platform run one after another: two at once starve each other on two cores.</summary>
    public const string WholePlatform = "a whole platform";

    /// <summary>The folder that holds Platform.sln.</summary>
    public static string Root { get; } = FindRoot();

    public sealed record Outcome(int ExitCode, string Output);

    public static async Task<Outcome> RunAsync(
        IReadOnlyDictionary<string, string> environment,
        params string[] arguments
    )
    {
        var start = new ProcessStartInfo(Path.Combine(Root, "platform"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Root,
        };
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = new StringBuilder();
        void Collect(object _, DataReceivedEventArgs line)
        {
            lock (output)
            {
                output.AppendLine(line.Data);
            }
        }
        process.OutputDataReceived += Collect;
        process.ErrorDataReceived += Collect;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(6));
        // The pipes of a detached cluster stay open for as long as it runs: wait for the process, not for them.
        var exited = new TaskCompletionSource();
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => exited.TrySetResult();
        if (!process.HasExited)
        {
            await exited.Task.WaitAsync(deadline.Token);
        }
        await Task.Delay(100);
        lock (output)
        {
            return new(process.ExitCode, output.ToString());
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Platform.sln")))
        {
            folder =
                folder.Parent
                ?? throw new InvalidOperationException(
                    "no folder above the tests holds Platform.sln"
                );
        }
        return folder.FullName;
    }
}
