using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Ingest.Tests;

public sealed class StudyUploadTests
{
    [Fact]
    public async Task A_study_is_stored_with_marker_and_manifest_and_announced()
    {
        await using var host = await IntakeHost.StartAsync();
        var scan = Scans.Gzip(Scans.Head());
        using var response = await host.PostAsync([scan], "site=annex", "priority=stat");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var answer = await response.Content.ReadFromJsonAsync<IntakeHost.Submitted>();
        Assert.Equal($"/api/studies/{answer!.StudyId}", response.Headers.Location!.ToString());
        Assert.Matches("^[0-9a-f]{32}$", answer.StudyId);
        Assert.Equal(
            (1, false, false),
            (answer.Revision, answer.AlreadyReceived, answer.Completed)
        );

        var manifest = await host.Blobs.ReadJsonAsync<StudyManifest>(
            BlobNames.Manifest(answer.Study),
            default
        );
        var item = Assert.Single(manifest.Items);
        Assert.Equal($"{item.Sha256}.nii.gz", item.Name);
        Assert.Equal("upload", manifest.Source);
        Assert.Equal("annex", manifest.Study.Site);
        await using var stored = await host.Blobs.OpenReadAsync(
            BlobNames.Received(answer.Study, item.Name),
            default
        );
        using var bytes = new MemoryStream();
        await stored.CopyToAsync(bytes);
        Assert.Equal(scan, bytes.ToArray());
        Assert.True(await host.Blobs.ExistsAsync(BlobNames.Open(answer.Study), default));

        var message = Assert.Single(await host.Messages.WaitAsync<StudyReceived>());
        Assert.Equal(manifest.Study, message.Study);
        Assert.Equal(StudyPriority.Stat, message.Study.Priority);
    }

    [Fact]
    public async Task The_same_content_again_is_the_same_study_and_is_announced_again_while_it_is_open()
    {
        await using var host = await IntakeHost.StartAsync();
        var first = await host.SubmitAsync([Scans.Head(1), Scans.Head(2)]);
        var before = await host.BlobNamesAsync();
        var again = await host.SubmitAsync([Scans.Head(2), Scans.Head(1)]);
        Assert.Equal(first with { AlreadyReceived = true }, again);
        Assert.Equal(before, await host.BlobNamesAsync());
        var messages = await host.Messages.WaitAsync<StudyReceived>(2);
        Assert.Equal(messages[0], messages[1]);
    }

    [Fact]
    public async Task A_study_whose_report_exists_is_answered_at_once_and_not_announced()
    {
        await using var host = await IntakeHost.StartAsync();
        var first = await host.SubmitAsync([Scans.Head()]);
        await host.Messages.WaitAsync<StudyReceived>();
        await host.Blobs.TryCreateJsonAsync(BlobNames.Report(first.Study), "done", default);
        await host.Blobs.DeleteAsync(BlobNames.Open(first.Study), default);
        var again = await host.SubmitAsync([Scans.Head()]);
        Assert.Equal(first with { AlreadyReceived = true, Completed = true }, again);
        Assert.False(await host.Blobs.ExistsAsync(BlobNames.Open(first.Study), default));
        await host.SubmitAsync([Scans.Head(2)]);
        Assert.Equal(2, (await host.Messages.WaitAsync<StudyReceived>(2)).Length);
    }

    [Fact]
    public async Task Sending_a_failed_study_again_asks_for_another_try()
    {
        await using var host = await IntakeHost.StartAsync();
        var first = await host.SubmitAsync([Scans.Head()]);
        await host.Blobs.TryCreateJsonAsync(BlobNames.Failure(first.Study), "failed", default);
        await host.SubmitAsync([Scans.Head()]);
        Assert.False(await host.Blobs.ExistsAsync(BlobNames.Failure(first.Study), default));
        await host.Messages.WaitAsync<StudyReceived>(2);
    }

    [Fact]
    public async Task Other_content_under_the_same_reference_is_the_next_revision()
    {
        await using var host = await IntakeHost.StartAsync();
        var first = await host.SubmitAsync([Scans.Head(1)], "reference=scan-17");
        var second = await host.SubmitAsync([Scans.Head(2)], "reference=scan-17");
        var firstAgain = await host.SubmitAsync([Scans.Head(1)], "reference=scan-17");
        var other = await host.SubmitAsync([Scans.Head(1)], "reference=scan-18");
        Assert.Equal(first with { Revision = 2 }, second);
        Assert.Equal(first with { AlreadyReceived = true }, firstAgain);
        Assert.NotEqual(first.StudyId, other.StudyId);
        Assert.Equal(
            3,
            (await host.BlobNamesAsync()).Count(name => name.EndsWith("manifest.json"))
        );
    }

    [Fact]
    public async Task Dicom_instances_are_known_by_their_study_whatever_their_order()
    {
        await using var host = await IntakeHost.StartAsync();
        var series = Scans.DicomHead();
        var first = await host.SubmitAsync(series);
        var again = await host.SubmitAsync([.. series.Reverse()]);
        var other = await host.SubmitAsync(Scans.DicomHead(seed: 2));
        Assert.Equal(first with { AlreadyReceived = true }, again);
        Assert.Equal(first with { Revision = 2 }, other);
        Assert.Equal(40, (await host.BlobNamesAsync()).Count(name => name.Contains("/input/")));
        Assert.All(
            await host.BlobNamesAsync(),
            name => Assert.DoesNotContain("1.2.826", name, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task The_same_content_for_another_model_is_the_next_revision()
    {
        await using var host = await IntakeHost.StartAsync();
        var first = await host.SubmitAsync([Scans.Head()]);
        var second = await host.SubmitAsync([Scans.Head()], "models=b@1.0.0, a");
        var again = await host.SubmitAsync([Scans.Head()], "models=a", "models=b@1.0.0");
        Assert.Equal(first with { Revision = 2 }, second);
        Assert.Equal(second with { AlreadyReceived = true }, again);
    }

    [Fact]
    public async Task Two_tenants_have_two_studies_of_the_same_content()
    {
        await using var host = await IntakeHost.StartAsync();
        var north = await host.SubmitAsync([Scans.Head()], "reference=x");
        using var south = host.ClientOf(IntakeHost.OtherKey);
        using var response = await south.PostAsync(
            "/api/studies",
            IntakeHost.Form([Scans.Head()], "reference=x")
        );
        var answer = await response.Content.ReadFromJsonAsync<IntakeHost.Submitted>();
        Assert.NotEqual(north.StudyId, answer!.StudyId);
        Assert.All(
            await host.BlobNamesAsync(),
            name => Assert.DoesNotContain(answer.StudyId, name)
        );
    }

    [Fact]
    public async Task Senders_at_the_same_time_end_as_one_study_and_different_contents_as_revisions()
    {
        await using var host = await IntakeHost.StartAsync();
        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 12)
                .Select(n => host.SubmitAsync([Scans.Head(n % 3)], "reference=same"))
        );
        Assert.Single(answers.Select(answer => answer.StudyId).Distinct());
        Assert.Equal([1, 2, 3], answers.Select(answer => answer.Revision).Distinct().Order());
        Assert.Equal(3, answers.Count(answer => !answer.AlreadyReceived));
        for (var n = 0; n < 3; n++)
        {
            Assert.Single(answers.Where((_, at) => at % 3 == n).Select(a => a.Revision).Distinct());
        }
    }

    [Fact]
    public async Task What_a_killed_process_left_is_used_when_the_study_comes_again()
    {
        await using var host = await IntakeHost.StartAsync();
        var whole = await host.SubmitAsync([Scans.Head(1), Scans.Head(2)]);
        var names = await host.BlobNamesAsync();
        await host.Blobs.DeleteAsync(BlobNames.Manifest(whole.Study), default);
        await host.Blobs.DeleteAsync(names.First(name => name.Contains("/input/")), default);
        var again = await host.SubmitAsync([Scans.Head(1), Scans.Head(2)]);
        Assert.Equal(whole, again);
        Assert.Equal(names, await host.BlobNamesAsync());
    }

    [Fact]
    public async Task A_study_is_taken_while_the_broker_is_down()
    {
        await using var host = await IntakeHost.StartAsync(
            new()
            {
                ["Bus:Transport"] = "RabbitMq",
                ["Bus:Host"] = "127.0.0.1",
                ["Bus:Port"] = "9",
                ["Bus:Username"] = "nobody",
                ["Bus:Password"] = "nothing",
                ["Ingest:PublishTimeout"] = "00:00:00.3",
            }
        );
        var answer = await host.SubmitAsync([Scans.Head()]);
        Assert.True(await host.Blobs.ExistsAsync(BlobNames.Open(answer.Study), default));
        Assert.True(await host.Blobs.ExistsAsync(BlobNames.Manifest(answer.Study), default));
        Assert.Contains("left to the reconciler", host.Log.Text);
    }

    [Fact]
    public async Task A_store_that_takes_nothing_is_answered_with_503_and_when_to_try_again()
    {
        await using var host = await IntakeHost.StartAsync();
        await File.WriteAllTextAsync(host.Folder[IntakeHost.Tenant], "in the way");
        using var response = await host.PostAsync([Scans.Head()]);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(10), response.Headers.RetryAfter!.Delta);
        Assert.Empty(host.Messages.Of<StudyReceived>());
        File.Delete(host.Folder[IntakeHost.Tenant]);
        await host.SubmitAsync([Scans.Head()]);
    }

    [Fact]
    public async Task An_upload_that_breaks_off_leaves_nothing_behind()
    {
        using var spool = new Testing.TemporaryFolder();
        await using var host = await IntakeHost.StartAsync(
            new() { ["Ingest:SpoolPath"] = spool.Path }
        );
        using var body = new MemoryStream();
        await IntakeHost.Form([Scans.Head()]).CopyToAsync(body);
        using var form = IntakeHost.Form([Scans.Head()]);
        using var half = new ByteArrayContent(body.ToArray()[..20_000]);
        half.Headers.ContentType = form.Headers.ContentType;
        using var response = await host.Client.PostAsync("/api/studies", half);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("body", problem.GetProperty("field").GetString());
        Assert.Empty(await host.BlobNamesAsync());
        Assert.Empty(Directory.EnumerateFileSystemEntries(spool.Path));
    }

    [Theory]
    [InlineData("site=moon", "site", "moon", "main, annex")]
    [InlineData("priority=urgent", "priority", "urgent", "routine or stat")]
    [InlineData("models=../etc", "models", "../etc", "name@version")]
    [InlineData("refrence=x", "refrence", null, "unknown field")]
    public async Task A_wrong_field_is_refused_by_name_and_value(
        string given,
        string field,
        string? value,
        string says
    )
    {
        await using var host = await IntakeHost.StartAsync();
        using var response = await host.PostAsync([Scans.Head()], given);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("Invalid", problem.GetProperty("reason").GetString());
        Assert.Equal(field, problem.GetProperty("field").GetString());
        Assert.Equal(value, problem.GetProperty("value").GetString());
        Assert.Contains(says, problem.GetProperty("detail").GetString());
        Assert.Empty(await host.BlobNamesAsync());
    }

    [Fact]
    public async Task Fields_may_come_after_the_files()
    {
        await using var host = await IntakeHost.StartAsync();
        using var form = IntakeHost.Form([Scans.Head()]);
        form.Add(new StringContent("annex"), "site");
        using var response = await host.Client.PostAsync("/api/studies", form);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("annex", (await host.Messages.WaitAsync<StudyReceived>())[0].Study.Site);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task An_upload_without_a_byte_is_an_empty_study(int emptyFiles)
    {
        await using var host = await IntakeHost.StartAsync();
        using var response = await host.PostAsync(
            [.. Enumerable.Repeat<byte[]>([], emptyFiles)],
            "site=main"
        );
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("EmptyStudy", problem.GetProperty("reason").GetString());
        Assert.Empty(await host.BlobNamesAsync());
    }

    [Theory]
    [InlineData("Ingest:MaxStudyBytes", "10000")]
    [InlineData("Ingest:MaxFiles", "1")]
    public async Task More_than_the_options_take_is_413_and_names_the_option(
        string option,
        string limit
    )
    {
        await using var host = await IntakeHost.StartAsync(new() { [option] = limit });
        using var response = await host.PostAsync([Scans.Head(1), Scans.Head(2)]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("TooLarge", problem.GetProperty("reason").GetString());
        Assert.Contains(option, problem.GetProperty("detail").GetString());
        Assert.Empty(await host.BlobNamesAsync());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("a-key-of-nobody")]
    public async Task Without_a_tenant_s_key_nothing_is_taken(string? key)
    {
        await using var host = await IntakeHost.StartAsync();
        using var client = host.ClientOf(key);
        using var response = await client.PostAsync(
            "/api/studies",
            IntakeHost.Form([Scans.Head()])
        );
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_no_form_is_refused()
    {
        await using var host = await IntakeHost.StartAsync();
        using var response = await host.Client.PostAsync(
            "/api/studies",
            new ByteArrayContent(Scans.Head())
        );
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("multipart/form-data", problem.GetProperty("detail").GetString());
    }
}
