using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Playwright;
using Platform.Contracts;
using Platform.Testing;

namespace System.Tests;

[Collection(FrontDoor.WholePlatform)]
public sealed class DistributedTests(Cluster cluster) : IClassFixture<Cluster>
{
    [Fact]
    public async Task The_same_scan_gives_byte_identical_labels_in_one_process_and_as_services()
    {
        using var folder = new TemporaryFolder();
        var scan = SmallPackages.Scan(seed: 1);
        await File.WriteAllBytesAsync(folder["scan.nii.gz"], scan);

        var embedded = await FrontDoor.RunAsync(
            new Dictionary<string, string> { ["Packages__Path"] = cluster.Packages },
            "analyse",
            folder["scan.nii.gz"],
            "--out",
            folder["out"],
            "--store",
            folder["store"]
        );
        Assert.True(embedded.ExitCode == 0, embedded.Output);
        var study = await cluster.SubmitAsync(scan);
        await cluster.ReportAsync(study, TimeSpan.FromMinutes(2));
        var labels = await cluster.Results.GetByteArrayAsync(
            new Uri(
                $"api/studies/{study}/outputs/{SmallPackages.Model}/s1/labels.nii.gz",
                UriKind.Relative
            )
        );

        Assert.NotEmpty(labels);
        Assert.Equal(
            Decompress(await File.ReadAllBytesAsync(folder["out/labels.nii.gz"])),
            Decompress(labels)
        );
    }

    [Fact]
    public async Task Twenty_studies_end_in_twenty_reports_though_every_process_and_the_broker_are_killed_in_turn()
    {
        var before = await FeedAsync();
        var studies = new List<string>();
        for (var n = 0; n < 20; n++)
        {
            studies.Add(await cluster.SubmitAsync(SmallPackages.Scan(seed: 100 + n)));
        }
        // In the order a study flows; the broker while most studies are under way.
        foreach (var name in cluster.Services.Append("rabbitmq"))
        {
            await cluster.KillAndRestartAsync(name);
        }

        foreach (var study in studies)
        {
            var report = await cluster.ReportAsync(study, TimeSpan.FromMinutes(6));
            Assert.Equal(StudyOutcome.Analysed, report.Outcome);
            Assert.All(report.Outputs, output => Assert.NotNull(output.Quality));
        }
        var events = (await FeedAsync()).Except(before).ToList();
        Assert.Equal(20, events.Count);
        Assert.Equal(studies.Order(), events.Select(e => e.Subject.Split('/')[^1]).Order());
    }

    [Fact]
    public async Task A_hospital_sees_nothing_of_anothers_studies()
    {
        var study = await cluster.SubmitAsync(SmallPackages.Scan(seed: 2));
        await cluster.ReportAsync(study, TimeSpan.FromMinutes(2));

        foreach (
            var path in new[]
            {
                "",
                "/report",
                "/preview.png",
                $"/outputs/{SmallPackages.Model}/s1/labels.nii.gz",
            }
        )
        {
            using var reply = await cluster.OtherTenant.GetAsync(
                new Uri($"api/studies/{study}{path}", UriKind.Relative)
            );
            Assert.Equal(HttpStatusCode.NotFound, reply.StatusCode);
        }
        Assert.DoesNotContain(
            study,
            await cluster.OtherTenant.GetStringAsync(new Uri("api/studies", UriKind.Relative))
        );
        Assert.DoesNotContain(
            study,
            await cluster.OtherTenant.GetStringAsync(new Uri("changefeed", UriKind.Relative))
        );
        Assert.Contains(
            study,
            await cluster.Results.GetStringAsync(new Uri("api/studies", UriKind.Relative))
        );
    }

    [Fact]
    public async Task What_names_a_patient_in_any_attribute_of_a_study_is_nowhere_behind_ingest()
    {
        using var body = new MultipartContent("related", "part");
        foreach (var instance in PlantedStudy.Instances(SmallPackages.Head(seed: 4)))
        {
            body.Add(
                new ByteArrayContent(instance)
                {
                    Headers = { ContentType = new("application/dicom") },
                }
            );
        }
        using (var stored = await cluster.Ingest.PostAsync(Relative("dicom-web/studies"), body))
        {
            var said = await stored.Content.ReadAsStringAsync();
            Assert.True(stored.StatusCode == HttpStatusCode.OK, said);
            Assert.DoesNotContain(PlantedStudy.Canary, said, StringComparison.Ordinal);
        }
        using var complete = await cluster.Ingest.PostAsync(
            Relative($"dicom-web/studies/{PlantedStudy.StudyUid}/complete"),
            null
        );
        var answer = await complete.Content.ReadFromJsonAsync<JsonElement>();
        var study = answer.GetProperty("studyId").GetString()!;
        var report = await cluster.ReportAsync(study, TimeSpan.FromMinutes(2));
        Assert.Equal(StudyOutcome.Analysed, report.Outcome);

        // Blobs, the database, the broker's own files and every process's log; then what is asked over the network.
        var knowing = new HashSet<string>();
        foreach (var file in Directory.GetFiles(cluster.Run, "*", SearchOption.AllDirectories))
        {
            var bytes = await ReadAsync(file);
            AssertNowhere(bytes, file);
            if (bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(study)) >= 0)
            {
                knowing.Add(Path.GetRelativePath(cluster.Run, file).Split('/')[0]);
            }
        }
        // Where the study's pseudonym is found, its name would have been.
        Assert.Superset(new HashSet<string> { "azurite", "postgresql", "ingest.log" }, knowing);
        foreach (
            var path in new[]
            {
                "metrics",
                "changefeed?offset=0&limit=1000",
                $"api/studies/{study}",
                $"api/studies/{study}/report",
                $"api/studies/{study}/outputs/{SmallPackages.Model}/s1/segmentation.dcm",
                $"dicom-web/studies/{PlantedStudy.StudyUid}",
                $"dicom-web/studies/{PlantedStudy.StudyUid}/metadata",
            }
        )
        {
            AssertNowhere(await cluster.Results.GetByteArrayAsync(Relative(path)), path);
        }
        AssertNowhere(
            await cluster.Ingest.GetByteArrayAsync(Relative("metrics")),
            "ingest's metrics"
        );
    }

    [Fact]
    public async Task The_results_page_shows_a_study_with_its_structures_and_verdict()
    {
        var study = await cluster.SubmitAsync(SmallPackages.Scan(seed: 3));
        var report = await cluster.ReportAsync(study, TimeSpan.FromMinutes(2));
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = "/usr/bin/chromium",
                Args =
                [
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--no-first-run",
                ],
            }
        );
        var page = await browser.NewPageAsync();
        await page.GotoAsync(cluster.Results.BaseAddress!.ToString());
        await page.Locator("input[type=password]").FillAsync(cluster.Key);
        await page.Keyboard.PressAsync("Enter");
        await page.Locator($"[data-study='{study}']").ClickAsync();
        var structure = report.Outputs[0].Quality!.Structures[0];
        await page.GetByText(structure.Name).First.WaitForAsync();
        await page.ScreenshotAsync(
            new()
            {
                Path = Path.Combine(
                    FrontDoor.Root,
                    "artifacts",
                    "system-tests",
                    "results-page.png"
                ),
                FullPage = true,
            }
        );
        Assert.Contains(
            report.Verdict.ToString(),
            await page.InnerTextAsync("body"),
            StringComparison.OrdinalIgnoreCase
        );
    }

    private static Uri Relative(string path) => new(path, UriKind.Relative);

    private static void AssertNowhere(byte[] bytes, string where)
    {
        foreach (var secret in new[] { PlantedStudy.Canary, PlantedStudy.StudyUid })
        {
            Assert.True(bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret)) < 0, where);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(secret)) < 0, where);
        }
    }

    /// <summary>A file as it is now; nothing where it is gone.</summary>
    private static async Task<byte[]> ReadAsync(string file)
    {
        try
        {
            await using var stream = new FileStream(
                file,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete
            );
            using var bytes = new MemoryStream();
            await stream.CopyToAsync(bytes);
            return bytes.ToArray();
        }
        catch (IOException)
        {
            return [];
        }
    }

    private sealed record FeedEvent(string Type, string Subject);

    private async Task<List<FeedEvent>> FeedAsync()
    {
        var events = await cluster.Results.GetFromJsonAsync<JsonElement>(
            new Uri("changefeed?offset=0&limit=1000", UriKind.Relative)
        );
        return
        [
            .. (events.ValueKind == JsonValueKind.Array ? events : events.GetProperty("events"))
                .EnumerateArray()
                .Select(e => new FeedEvent(
                    e.GetProperty("type").GetString()!,
                    e.GetProperty("subject").GetString()!
                )),
        ];
    }

    private static byte[] Decompress(byte[] gzip)
    {
        using var plain = new MemoryStream();
        using var stream = new GZipStream(new MemoryStream(gzip), CompressionMode.Decompress);
        stream.CopyTo(plain);
        return plain.ToArray();
    }
}
