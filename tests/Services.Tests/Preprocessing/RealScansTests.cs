using System.Diagnostics;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Ingest.Tests;
using Xunit.Abstractions;

namespace Platform.Preprocessing.Tests;

/// <summary>Real scans lie below the folder PLATFORM_DATA names; where it is absent the generated ones are checked alone.</summary>
public sealed class RealScansTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_series_of_real_dicom_is_planned_or_refused_with_a_reason()
    {
        await using var host = await StartAsync();
        var studies = new List<(string Name, byte[][] Files)>
        {
            ("generated", Scans.DicomHead()),
            ("generated, too short", Scans.DicomHead()[..4]),
        };
        foreach (var folder in RealFolders("dicom/vendor-series", "dicom/t1-jpeg-ll"))
        {
            studies.Add((folder, [.. Directory.GetFiles(folder).Select(File.ReadAllBytes)]));
        }
        foreach (var (n, (name, files)) in studies.Index())
        {
            var submitted = await host.SubmitAsync(files, $"reference={n}");
            var end = await EndAsync(host, submitted.Study);
            output.WriteLine($"{files.Length, 4} files: {end} ({Path.GetFileName(name)})");
        }
        Assert.DoesNotContain("R-FAULT", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_real_t1_is_prepared_in_seconds()
    {
        await using var host = await StartAsync();
        var scans = new List<byte[]> { Scans.Gzip(Scans.Plain((106, 127, 135), (2, 2, 2))) };
        if (Root is { } root)
        {
            var t1 = Directory.GetFiles(Path.Combine(root, "t1-brain/t1"), "*.nii.gz").Order();
            scans.Add(File.ReadAllBytes(t1.First()));
        }
        foreach (var scan in scans)
        {
            var clock = Stopwatch.StartNew();
            var submitted = await host.SubmitAsync([scan]);
            var taken = clock.Elapsed.TotalSeconds;
            var end = await EndAsync(host, submitted.Study);
            output.WriteLine($"{scan.Length} bytes: answered in {taken:f2} s; {end}");
            Assert.StartsWith("planned", end, StringComparison.Ordinal);
        }
    }

    private static string? Root =>
        Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } root ? root : null;

    /// <summary>Folders that hold files and nothing else, each taken for one series.</summary>
    private static IEnumerable<string> RealFolders(params string[] sets) =>
        Root is { } root
            ? sets.Select(set => Path.Combine(root, set))
                .SelectMany(set =>
                    Directory.EnumerateDirectories(set, "*", SearchOption.AllDirectories)
                )
                .Where(folder => Directory.EnumerateFiles(folder, "*.dcm").Any())
                .Order(StringComparer.Ordinal)
            : [];

    private static async Task<string> EndAsync(IntakeHost host, StudyContext study)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            if (
                await host.Blobs.FindJsonAsync<StudyPlan>(BlobNames.Plan(study), default) is
                { } plan
            )
            {
                return $"planned in {plan.Seconds:f2} s, {string.Join('×', plan.Series[0].Shape)} voxels";
            }
            if (
                host
                    .Messages.Of<StudyRejected>()
                    .FirstOrDefault(r => r.Study.StudyId == study.StudyId) is
                { } rejected
            )
            {
                Assert.NotEqual(RejectionReason.Unknown, rejected.Reason);
                return $"{rejected.Reason}: {rejected.Detail}";
            }
            Assert.True(
                clock.Elapsed < TimeSpan.FromSeconds(60),
                $"neither planned nor refused after 60 s\n{host.Log.Text[^2000..]}"
            );
            await Task.Delay(20);
        }
    }

    private static Task<IntakeHost> StartAsync() =>
        IntakeHost.StartAsync(preprocessing: ["any"], install: Packages.Install(Packages.Any()));
}
