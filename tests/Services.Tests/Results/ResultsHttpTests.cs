using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Platform.Contracts;
using Platform.Contracts.Grpc;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>What hospitals ask over HTTP and gRPC, and what they cannot.</summary>
public sealed class ResultsHttpTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private ResultsHost _host = null!;

    public async Task InitializeAsync() => _host = await ResultsHost.StartAsync(_folder);

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Another_hospitals_study_cannot_be_told_from_one_that_does_not_exist()
    {
        var study = await EndAsync(new StoredStudy(_host, "alpha"));
        using var own = _host.Client(ResultsHost.Alpha);
        using var other = _host.Client(ResultsHost.Beta);
        using var nobody = _host.Client(null);
        var id = study.Context.StudyId;
        string[] paths =
        [
            $"/api/studies/{id}",
            $"/api/studies/{id}/report",
            $"/api/studies/{id}/preview.png",
            $"/api/studies/{id}/outputs/{ResultsHost.Model}/{StoredStudy.Series}/labels.nii.gz",
        ];
        foreach (var path in paths)
        {
            using var seen = await own.GetAsync(path);
            using var hidden = await other.GetAsync(path);
            using var missing = await other.GetAsync(path.Replace(id, new('0', 32)));
            using var refused = await nobody.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);
            Assert.Equal("application/problem+json", hidden.Content.Headers.ContentType?.MediaType);
            Assert.Equal(
                Title(await missing.Content.ReadAsStringAsync()),
                Title(await hidden.Content.ReadAsStringAsync())
            );
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }
        using var replay = await other.PostAsync($"/api/studies/{id}/replay", null);
        Assert.Equal(HttpStatusCode.NotFound, replay.StatusCode);
        Assert.Empty(
            (await other.GetFromJsonAsync<StudyPage>("/api/studies", PlatformJson.Options))!.Studies
        );
        Assert.Equal("[]", await other.GetStringAsync("/changefeed"));
        using var latest = await other.GetAsync("/changefeed/latest");
        Assert.Equal(HttpStatusCode.NoContent, latest.StatusCode);
    }

    [Theory]
    [InlineData("..%2F..%2Fbeta")]
    [InlineData("ABCDEF0123456789ABCDEF0123456789")]
    [InlineData("0123")]
    public async Task An_id_that_is_not_one_finds_nothing(string id)
    {
        using var client = _host.Client(ResultsHost.Alpha);
        using var answer = await client.GetAsync($"/api/studies/{id}");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Labels_come_back_in_the_received_orientation_at_the_same_places()
    {
        var study = await EndAsync(new StoredStudy(_host));
        using var client = _host.Client(ResultsHost.Alpha);
        using var answer = await client.GetAsync(
            $"/api/studies/{study.Context.StudyId}/outputs/{ResultsHost.Model}/{StoredStudy.Series}/labels.nii.gz"
        );

        Assert.Equal("application/gzip", answer.Content.Headers.ContentType?.MediaType);
        Assert.False(answer.Headers.Contains("X-Not-For-Diagnosis"));
        using var content = new MemoryStream(await answer.Content.ReadAsByteArrayAsync());
        var labels = NiftiReader.ReadLabels(content);
        Assert.Equal("LPS", labels.Geometry.Orientation);
        var canonical = StoredStudy.Geometry;
        for (var k = 0; k < 6; k++)
        for (var j = 0; j < 5; j++)
        for (var i = 0; i < 4; i++)
        {
            var (x, y, z) = labels.Geometry.ToWorld(i, j, k);
            var (u, v, w) = canonical.ToWorld(3 - i, 4 - j, k);
            Assert.Equal((u, v, w), (Math.Round(x, 4), Math.Round(y, 4), Math.Round(z, 4)));
            Assert.Equal((byte)(3 - i + 4 * (4 - j + 5 * k)), labels[i, j, k]);
        }
    }

    [Fact]
    public async Task What_is_not_for_diagnosis_says_so_in_header_and_name()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native, study.Sharp, study.Derived);
        await study.SharpenAsync();
        foreach (var output in new[] { study.Native, study.Derived })
        {
            await study.SegmentAsync(output);
            await study.AssessAsync(output);
        }
        await _host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        using var client = _host.Client(ResultsHost.Alpha);
        var outputs = $"/api/studies/{study.Context.StudyId}/outputs";

        foreach (
            var path in new[]
            {
                $"{outputs}/{ResultsHost.Sharpener}/{StoredStudy.Series}/volume.nii.gz",
                $"{outputs}/{ResultsHost.Model}/{StoredStudy.Series}-sr/labels.nii.gz",
            }
        )
        {
            using var answer = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("true", answer.Headers.GetValues("X-Not-For-Diagnosis").Single());
            Assert.Contains(
                "not-for-diagnosis",
                answer.Content.Headers.ContentDisposition?.FileName,
                StringComparison.Ordinal
            );
        }
        using var preview = await client.GetAsync(
            $"/api/studies/{study.Context.StudyId}/preview.png"
        );
        Assert.Equal("image/png", preview.Content.Headers.ContentType?.MediaType);
        Assert.False(preview.Headers.Contains("X-Not-For-Diagnosis")); // the native image comes first
    }

    [Fact]
    public async Task Nothing_leaves_before_its_verdict()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native);
        await study.SegmentAsync(study.Native);
        using var client = _host.Client(ResultsHost.Alpha);
        using var answer = await client.GetAsync(
            $"/api/studies/{study.Context.StudyId}/outputs/{ResultsHost.Model}/{StoredStudy.Series}/labels.nii.gz"
        );
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Studies_are_listed_page_by_page()
    {
        var all = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            all.Add((await EndAsync(new StoredStudy(_host))).Context.StudyId);
        }
        using var client = _host.Client(ResultsHost.Alpha);
        var seen = new List<string>();
        string? next = null;
        var pages = 0;
        do
        {
            var page = (
                await client.GetFromJsonAsync<StudyPage>(
                    $"/api/studies?limit=2{(next is null ? "" : $"&before={next}")}",
                    PlatformJson.Options
                )
            )!;
            seen.AddRange(page.Studies.Select(s => s.StudyId));
            next = page.Next;
            pages++;
        } while (next is not null);

        Assert.Equal(3, pages);
        Assert.Equal(all.Order(), seen.Order());
        using var bad = await client.GetAsync("/api/studies?before=yesterday");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
    }

    [Fact]
    public async Task A_study_is_found_as_soon_as_it_is_stored()
    {
        var study = await new StoredStudy(_host).ReceiveAsync();
        using var client = _host.Client(ResultsHost.Alpha);
        var detail = await client.GetFromJsonAsync<StudyDetail>(
            $"/api/studies/{study.Context.StudyId}",
            PlatformJson.Options
        );
        Assert.Equal("received", detail!.Study.Stage);
        using var report = await client.GetAsync($"/api/studies/{study.Context.StudyId}/report");
        Assert.Equal(HttpStatusCode.NotFound, report.StatusCode);
    }

    [Fact]
    public async Task A_study_that_has_ended_cannot_be_replayed()
    {
        var study = await EndAsync(new StoredStudy(_host));
        using var client = _host.Client(ResultsHost.Alpha);
        using var answer = await client.PostAsync(
            $"/api/studies/{study.Context.StudyId}/replay",
            null
        );
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
    }

    [Fact]
    public async Task Watching_tells_what_was_and_what_comes_and_ends()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native);
        await _host.Bus.Publish(new StudyReceived { Study = study.Context });
        using var channel = GrpcChannel.ForAddress(_host.Address(grpc: true));
        using var call = new Studies.StudiesClient(channel).Watch(
            new() { StudyId = study.Context.StudyId },
            new Metadata { { ApiKeys.Header, ResultsHost.Alpha.Key } },
            DateTime.UtcNow.AddSeconds(30)
        );
        var stages = new List<string>();
        StudyProgress? last = null;
        await foreach (var progress in call.ResponseStream.ReadAllAsync())
        {
            stages.Add(progress.Stage);
            last = progress;
            if (
                stages.Contains("received") && progress.Stage == "planned"
                || stages is ["planned", "received"]
            )
            {
                await study.SegmentAsync(study.Native);
                await study.AssessAsync(study.Native, Verdict.Review);
                await _host.Bus.Publish(study.Assessed(Verdict.Review));
            }
        }
        Assert.Equal(["analysed", "assessed", "planned", "received", "segmented"], stages.Order());
        Assert.Equal(("analysed", true, "Review"), (last!.Stage, last.Terminal, last.Verdict));
    }

    [Fact]
    public async Task Watching_another_hospitals_study_finds_nothing()
    {
        var study = await EndAsync(new StoredStudy(_host));
        using var channel = GrpcChannel.ForAddress(_host.Address(grpc: true));
        using var call = new Studies.StudiesClient(channel).Watch(
            new() { StudyId = study.Context.StudyId },
            new Metadata { { ApiKeys.Header, ResultsHost.Beta.Key } }
        );
        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task A_read_model_that_was_lost_does_not_stop_a_watcher()
    {
        var study = await EndAsync(new StoredStudy(_host));
        await using var fresh = await ResultsHost.StartAsync(
            _folder,
            null,
            ("Results:ConnectionString", $"Data Source={_folder["fresh.db"]};Pooling=False")
        );
        using var channel = GrpcChannel.ForAddress(fresh.Address(grpc: true));
        using var call = new Studies.StudiesClient(channel).Watch(
            new() { StudyId = study.Context.StudyId },
            new Metadata { { ApiKeys.Header, ResultsHost.Alpha.Key } },
            DateTime.UtcNow.AddSeconds(30)
        );
        var stages = new List<string>();
        await foreach (var progress in call.ResponseStream.ReadAllAsync())
        {
            stages.Add(progress.Stage);
        }
        Assert.Equal("received", stages[0]);
        Assert.Equal("analysed", stages[^1]);
    }

    [Fact]
    public async Task The_page_is_open_to_all_and_loads_nothing_from_elsewhere()
    {
        using var nobody = _host.Client(null);
        foreach (
            var path in new[]
            {
                "/",
                "/app.js",
                "/style.css",
                "/schemas/study-event.v1.json",
                "/schemas/drift-event.v1.json",
            }
        )
        {
            using var answer = await nobody.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains(
                "default-src 'none'",
                answer.Headers.GetValues("Content-Security-Policy").Single(),
                StringComparison.Ordinal
            );
            var text = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotContain("style=", text, StringComparison.Ordinal);
            Assert.DoesNotMatch("""(src|href|import|url\()\s*=?\s*["']?https?:""", text);
        }
    }

    private async Task<StoredStudy> EndAsync(StoredStudy study)
    {
        await study.CompleteAsync();
        await _host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        return study;
    }

    private static string? Title(string problem) =>
        JsonDocument.Parse(problem).RootElement.GetProperty("title").GetString();
}
