using System.Diagnostics;
using System.Globalization;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>What a program that reads untrusted bytes may use at most.</summary>
/// <param name="AddressBytes">Address space.</param>
/// <param name="FileBytes">A file it writes.</param>
/// <param name="CpuSeconds">Processor time of all its threads.</param>
/// <param name="Wall">Time from start to end.</param>
internal sealed record ProcessLimits(
    long AddressBytes,
    long FileBytes,
    int CpuSeconds,
    TimeSpan Wall
);

/// <summary>Runs a program by itself, under the kernel's limits (setrlimit), so that whatever untrusted bytes make of it ends there.</summary>
internal static class LimitedProcess
{
    private const string Limiter = "prlimit";

    /// <summary>Runs a program to its end. It sees none of this process's environment, has no input, and what it prints is dropped.</summary>
    /// <param name="program">File name, looked for on the path.</param>
    /// <param name="package">Debian package that has it.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Where it runs, the only place it is told to write to.</param>
    /// <param name="limits">What it may use.</param>
    /// <exception cref="VolumeException">UnsupportedFormat: it is not installed; CorruptData: it failed, or was ended at a limit.</exception>
    public static void Run(
        string program,
        string package,
        IEnumerable<string> arguments,
        string folder,
        ProcessLimits limits
    )
    {
        var start = new ProcessStartInfo(Find(Limiter, "util-linux"))
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                Limit("as", limits.AddressBytes),
                Limit("fsize", limits.FileBytes),
                Limit("cpu", limits.CpuSeconds),
                Limit("core", 0),
                "--",
                Find(program, package),
            },
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment.Clear();
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += Drop;
        process.ErrorDataReceived += Drop;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        if (!process.WaitForExit(limits.Wall))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            throw Failed(program, $"did not end within {limits.Wall.TotalSeconds:g4} s");
        }
        if (process.ExitCode != 0)
        {
            throw Failed(program, $"ended with {process.ExitCode}");
        }
    }

    private static void Drop(object sender, DataReceivedEventArgs line) { }

    private static string Limit(string resource, long most) =>
        string.Create(CultureInfo.InvariantCulture, $"--{resource}={most}");

    private static string Find(string program, string package) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists)
        ?? throw new VolumeException(
            VolumeFault.UnsupportedFormat,
            $"{program} decodes this transfer syntax and is not installed: install the Debian package {package}, or send the series uncompressed"
        );

    /// <summary>What a program did instead of decoding.</summary>
    public static VolumeException Failed(string program, string how) =>
        new(VolumeFault.CorruptData, $"the coded pixels are not decoded: {program} {how}");
}
