using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>The public contract of the events.</summary>
public sealed class ChangeFeedTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Events_are_what_their_schema_says_in_the_order_they_happened()
    {
        await using var host = await ResultsHost.StartAsync(_folder);
        var analysed = await new StoredStudy(host).CompleteAsync(Verdict.Review);
        await host.Flow.TryEndAsync(analysed.Context, CancellationToken.None);
        var rejected = await new StoredStudy(host).ReceiveAsync();
        await host.Flow.RejectAsync(
            new()
            {
                Study = rejected.Context,
                Stage = "preprocessing",
                Reason = RejectionReason.NotAVolume,
                Detail = "one slice",
            },
            CancellationToken.None
        );
        var failed = await new StoredStudy(host).ReceiveAsync();
        await host.Flow.FailAsync(
            new()
            {
                Study = failed.Context,
                Stage = "StudyReceived",
                Error = "IOException",
                FailedAt = StoredStudy.ReceivedAt,
            },
            "",
            "",
            CancellationToken.None
        );

        using var client = host.Client(ResultsHost.Alpha);
        using var schema = JsonDocument.Parse(
            await client.GetStringAsync("/schemas/study-event.v1.json")
        );
        var events = (await client.GetFromJsonAsync<JsonElement[]>("/changefeed"))!;
        Assert.Equal(
            ["platform.study.analysed", "platform.study.rejected", "platform.study.failed"],
            events.Select(e => e.GetProperty("type").GetString()!)
        );
        foreach (var (n, told) in events.Index())
        {
            Assert.Empty(EventSchema.Violations(schema.RootElement, told, "$"));
            Assert.Equal($"{n + 1:d20}", told.GetProperty("sequence").GetString());
        }
        Assert.Equal("Review", events[0].GetProperty("data").GetProperty("verdict").GetString());
        Assert.Equal(
            ResultsHost.Model,
            events[0].GetProperty("data").GetProperty("models")[0].GetString()
        );
        Assert.Equal("NotAVolume", events[1].GetProperty("data").GetProperty("reason").GetString());
        Assert.Equal(
            "StudyReceived",
            events[2].GetProperty("data").GetProperty("stage").GetString()
        );

        var rest = await client.GetFromJsonAsync<JsonElement[]>("/changefeed?offset=1&limit=1");
        Assert.Equal(
            $"/studies/{rejected.Context.StudyId}",
            Assert.Single(rest!).GetProperty("subject").GetString()
        );
        var latest = await client.GetFromJsonAsync<JsonElement>("/changefeed/latest");
        Assert.Equal($"{3:d20}", latest.GetProperty("sequence").GetString());
    }

    [Theory]
    [InlineData("""{"specversion":"0.3"}""")]
    [InlineData("""{"subject":"/studies/Jane Doe"}""")]
    [InlineData("""{"data":{"models":["brain"]}}""")]
    public async Task An_event_of_another_shape_is_found_out(string wrong)
    {
        await using var host = await ResultsHost.StartAsync(_folder);
        using var client = host.Client(null);
        using var schema = JsonDocument.Parse(
            await client.GetStringAsync("/schemas/study-event.v1.json")
        );
        using var told = JsonDocument.Parse(wrong);
        var member = told.RootElement.EnumerateObject().Single();
        Assert.Contains(
            EventSchema.Violations(schema.RootElement, told.RootElement, "$"),
            violation => violation.StartsWith($"$.{member.Name}", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Events_as_first_published_can_still_be_read()
    {
        var data = JsonSerializer.Deserialize<StudyEventData>(
            """
            {"schemaVersion":1,"tenant":"alpha","site":"default","studyRevision":2,"outcome":"Analysed",
             "verdict":"Pass","models":["brain@1.0.0"],"notForDiagnosis":true}
            """,
            PlatformJson.Options
        )!;
        Assert.Equal(
            ("alpha", 2, Verdict.Pass, true),
            (data.Tenant, data.StudyRevision, data.Verdict, data.NotForDiagnosis)
        );
    }
}
