using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Testing;

namespace System.Tests;

/// <summary>The main job as a user runs it: one command, one scan.</summary>
public sealed class AnalyseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_real_scan_becomes_labels_on_its_own_grid_a_report_and_a_picture_and_the_second_time_the_same_report()
    {
        const string Colin = "/usr/share/mricron/templates/ch2.nii.gz";

        var first = await AnalyseAsync(Colin);

        Assert.True(first.ExitCode == 0, first.Output);
        Assert.True(
            Read(Colin, NiftiReader.ReadHeader)
                .Geometry.IsCloseTo(
                    Read(_folder["out/labels.nii.gz"], NiftiReader.ReadHeader).Geometry
                ),
            "the labels do not lie on the scan's grid"
        );
        var report = Report();
        Assert.Equal(StudyOutcome.Analysed, report.Outcome);
        var quality = report.Outputs.Single().Quality!;
        Assert.All(quality.Structures, s => Assert.True(s.VolumeMl > 0, s.Name));
        Assert.All(
            quality.Structures,
            s => Assert.InRange(s.PredictedDice!.Value, s.IntervalLow!.Value, s.IntervalHigh!.Value)
        );
        Assert.Equal(64, report.Outputs.Single().Provenance!.ModelDigest.Length);
        Assert.Equal(
            [0x89, (byte)'P', (byte)'N', (byte)'G'],
            File.ReadAllBytes(_folder["out/preview.png"])[..4]
        );

        var second = await AnalyseAsync(Colin);

        Assert.True(second.ExitCode == 0, second.Output);
        Assert.Equal(report.CompletedAt, Report().CompletedAt);
    }

    [Fact]
    public async Task A_truncated_scan_is_rejected_with_a_reason_and_leaves_a_report()
    {
        await File.WriteAllBytesAsync(_folder["scan.nii.gz"], SmallPackages.Scan(seed: 1)[..5000]);

        var outcome = await AnalyseAsync(_folder["scan.nii.gz"]);

        Assert.True(outcome.ExitCode == 2, outcome.Output);
        Assert.Equal(RejectionReason.CorruptData, Report().Reason);
        Assert.Contains("CorruptData", outcome.Output);
    }

    [Theory]
    [InlineData("nothing-here", "there is no file or folder")]
    [InlineData("", "is empty")]
    public async Task A_path_without_a_scan_is_refused_with_what_to_give(string name, string says)
    {
        Directory.CreateDirectory(_folder["empty"]);

        var outcome = await AnalyseAsync(name.Length == 0 ? _folder["empty"] : _folder[name]);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(says, outcome.Output);
    }

    public void Dispose() => _folder.Dispose();

    private Task<FrontDoor.Outcome> AnalyseAsync(string scan) =>
        FrontDoor.RunAsync(
            new Dictionary<string, string>(),
            "analyse",
            scan,
            "--out",
            _folder["out"],
            "--store",
            _folder["store"]
        );

    private static T Read<T>(string path, Func<Stream, T> read)
    {
        using var file = File.OpenRead(path);
        return read(file);
    }

    private StudyReport Report() =>
        JsonSerializer.Deserialize<StudyReport>(
            File.ReadAllText(_folder["out/report.json"]),
            PlatformJson.Options
        )!;
}
