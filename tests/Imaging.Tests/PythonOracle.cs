using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Platform.Imaging.Tests;

/// <summary>Runs a script of oracles/ with the distribution's Python (nibabel, numpy, scipy) in a folder of its own.</summary>
internal sealed class PythonOracle : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("oracle-").FullName;

    public string Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "oracles", script));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{script} failed: {error.Result}");
        return output;
    }

    public string PathOf(string name) => Path.Combine(Folder, name);

    public float[] Floats(string name) =>
        MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(PathOf(name))).ToArray();

    public double[] Numbers(string name) =>
        [
            .. File.ReadAllText(PathOf(name))
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                .Select(word => double.Parse(word, CultureInfo.InvariantCulture)),
        ];

    public void WriteFloats(string name, float[] values) =>
        File.WriteAllBytes(PathOf(name), MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
