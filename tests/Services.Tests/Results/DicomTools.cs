using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Services.Tests.Results;

/// <summary>Tools that know nothing of the platform (dicom3tools, dcmtk).</summary>
internal static class DicomTools
{
    public static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var (code, output, error) = RunApart(program, arguments);
        return (code, output + error);
    }

    /// <summary>The data set of a file as dcmtk reads it, by the DICOM JSON model (PS3.18 annex F).</summary>
    public static JsonElement Read(string file)
    {
        var (code, json, error) = RunApart("dcm2json", file);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(json).RootElement;
    }

    /// <summary>The items of a sequence, or the values of another attribute; none where it is missing or empty.</summary>
    public static IReadOnlyList<JsonElement> Values(this JsonElement dataset, uint tag) =>
        dataset.TryGetProperty($"{tag:X8}", out var attribute)
        && attribute.TryGetProperty("Value", out var values)
            ? [.. values.EnumerateArray()]
            : [];

    /// <summary>The only item of a sequence.</summary>
    public static JsonElement Item(this JsonElement dataset, uint tag) =>
        Assert.Single(dataset.Values(tag));

    public static string Text(this JsonElement dataset, uint tag) => dataset.Item(tag).ToString();

    public static double[] Numbers(this JsonElement dataset, uint tag) =>
        [
            .. dataset
                .Values(tag)
                .Select(value => double.Parse(value.ToString(), CultureInfo.InvariantCulture)),
        ];

    private static (int Code, string Output, string Error) RunApart(
        string program,
        params string[] arguments
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
