using System.ComponentModel;
using System.Diagnostics;

namespace Platform.Benchmarks;

/// <summary>A program of the machine that may be missing.</summary>
static class Tool
{
    /// <summary>Runs it to its end.</summary>
    /// <returns>What it printed, however it ended; null where it is not installed.</returns>
    public static string? Try(string program, params IEnumerable<string> arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments)
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output + errors.Result;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
