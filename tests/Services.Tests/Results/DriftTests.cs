using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>A site whose results become worse is told of once, with the cases that show it.</summary>
public class DriftTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The connection string of a PostgreSQL database; null for SQLite.</summary>
    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    [Fact]
    public async Task A_site_whose_quality_falls_is_told_of_once_and_no_other_is()
    {
        var database = await DatabaseAsync();
        await using var host = await ResultsHost.StartAsync(_folder, database);
        var random = new Random(11);
        for (var n = 0; n < 60; n++)
        {
            await TellAsync(host, Report("east", 0.85 + 0.05 * random.NextDouble()));
            await TellAsync(host, Report("west", 0.85 + 0.05 * random.NextDouble()));
        }
        var worse = Enumerable.Range(0, 25).Select(_ => Report("east", 0.5)).ToList();
        foreach (var report in worse)
        {
            await TellAsync(host, report);
            // A report told twice counts once.
            await TellAsync(host, report);
            await TellAsync(host, Report("west", 0.85 + 0.05 * random.NextDouble()));
        }

        using var client = host.Client(ResultsHost.Alpha);
        var events = new List<JsonElement>();
        while (
            await client.GetFromJsonAsync<JsonElement[]>(
                $"/changefeed?limit=200&offset={events.Count}"
            )
                is { Length: > 0 } page
        )
        {
            events.AddRange(page);
        }
        var told = Assert.Single(
            events,
            e => e.GetProperty("type").GetString() == "platform.quality.drifted"
        );
        using var schema = JsonDocument.Parse(
            await client.GetStringAsync("/schemas/drift-event.v1.json")
        );
        Assert.Empty(EventSchema.Violations(schema.RootElement, told, "$"));
        Assert.Equal(
            $"/sites/east/models/{ResultsHost.Model}",
            told.GetProperty("subject").GetString()
        );
        var data = told.GetProperty("data");
        Assert.Equal("Falling", data.GetProperty("direction").GetString());
        var last = data.GetProperty("cases").EnumerateArray().Last();
        Assert.Contains(
            worse,
            report => report.Study.StudyId == last.GetProperty("studyId").GetString()
        );
        using var other = host.Client(ResultsHost.Beta);
        Assert.Empty((await other.GetFromJsonAsync<JsonElement[]>("/changefeed"))!);
    }

    [Fact]
    public async Task Of_two_scanners_of_a_site_the_one_whose_images_change_is_told_of()
    {
        await using var host = await ResultsHost.StartAsync(_folder, await DatabaseAsync());
        var random = new Random(12);
        for (var n = 0; n < 100; n++)
        {
            foreach (var scanner in new[] { "ACME One", "ACME Two" })
            {
                var noise =
                    (n < 60 || scanner == "ACME One" ? 0.05 : 0.3) + 0.02 * random.NextDouble();
                var report = Report("east", 0.85 + 0.05 * random.NextDouble());
                await TellAsync(
                    host,
                    report with
                    {
                        Series =
                        [
                            new()
                            {
                                Series = StoredStudy.Series,
                                Shape = [64, 64, 64],
                                SpacingMm = [1, 1, 1],
                                ReceivedOrientation = "RAS",
                                VolumeDigest = new('a', 64),
                                Scanner = scanner,
                                Statistics = new(noise, 0.5, 0.4),
                            },
                        ],
                    }
                );
            }
        }
        var drift = (await host.QueryAsync(db => db.Changes.ToListAsync())).Where(change =>
            change.Type == "platform.quality.drifted"
        );
        var body = Assert.Single(drift).Json;
        Assert.Contains("ACME Two", body, StringComparison.Ordinal);
        Assert.Contains(DriftMeasure.Noise, body, StringComparison.Ordinal);
        Assert.Equal(2, await host.QueryAsync(db => db.DriftStreams.CountAsync()));
    }

    [Fact]
    public async Task A_database_of_an_earlier_version_gets_the_tables_it_lacks_and_keeps_the_others()
    {
        var database = await DatabaseAsync();
        await using (var host = await ResultsHost.StartAsync(_folder, database))
        {
            await TellAsync(host, Report("east", 0.9));
            await host.QueryAsync(db => db.Database.ExecuteSqlAsync($"DROP TABLE drift_streams"));
        }
        await using var newer = await ResultsHost.StartAsync(_folder, database);
        await TellAsync(newer, Report("east", 0.9));
        Assert.Equal(2, await newer.QueryAsync(db => db.Studies.CountAsync()));
        Assert.Equal(1, await newer.QueryAsync(db => db.DriftStreams.CountAsync()));
    }

    private static Task<bool> TellAsync(ResultsHost host, StudyReport report) =>
        host
            .Services.GetRequiredService<Projection>()
            .RecordReportAsync(report, CancellationToken.None);

    private static StudyReport Report(string site, double dice)
    {
        var study = new StudyContext
        {
            Tenant = "alpha",
            Site = site,
            StudyId = Guid.NewGuid().ToString("n"),
            Revision = 1,
            CorrelationId = Guid.NewGuid(),
        };
        var plan = new PlannedOutput
        {
            Kind = OutputKind.Segmentation,
            Series = StoredStudy.Series,
            Model = ResultsHost.Model,
            Input = BlobNames.Volume(study, StoredStudy.Series),
            Output = BlobNames.Labels(study, ResultsHost.Model, StoredStudy.Series),
        };
        return new()
        {
            Study = study,
            Outcome = StudyOutcome.Analysed,
            Verdict = Verdict.Pass,
            CompletedAt = StoredStudy.ReceivedAt,
            CodeVersion = "1.2.3",
            Outputs =
            [
                new()
                {
                    Plan = plan,
                    Quality = new()
                    {
                        Series = plan.Series,
                        Model = plan.Model,
                        Method = "rca-single-atlas",
                        References = 3,
                        Verdict = Verdict.Pass,
                        Structures =
                        [
                            new()
                            {
                                Label = 1,
                                Name = "one",
                                VolumeMl = 1,
                                PredictedDice = dice,
                                Verdict = Verdict.Pass,
                            },
                            new()
                            {
                                Label = 2,
                                Name = "absent",
                                VolumeMl = 0,
                                Verdict = Verdict.Unassessed,
                            },
                        ],
                    },
                },
            ],
        };
    }
}
