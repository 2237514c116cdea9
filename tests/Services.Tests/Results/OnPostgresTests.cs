using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresServer>
{
    public const string Name = "results on PostgreSQL";
}

[Collection(PostgresCollection.Name)]
public sealed class EndOfStudyOnPostgresTests(PostgresServer server) : EndOfStudyTests
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateDatabaseAsync();
}

[Collection(PostgresCollection.Name)]
public sealed class DriftOnPostgresTests(PostgresServer server) : DriftTests
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateDatabaseAsync();
}

/// <summary>Two replicas on one database.</summary>
[Collection(PostgresCollection.Name)]
public sealed class ReplicaTests(PostgresServer server) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Replicas_that_start_at_once_create_the_tables_once()
    {
        var database = await server.CreateDatabaseAsync();
        var hosts = await Task.WhenAll(
            Enumerable.Range(0, 3).Select(_ => ResultsHost.StartAsync(_folder, database))
        );
        foreach (var host in hosts)
        {
            Assert.Equal(0, await host.QueryAsync(db => db.Studies.CountAsync()));
            await host.DisposeAsync();
        }
    }

    [Fact]
    public async Task Sequences_have_no_gap_and_readers_never_see_one()
    {
        const int Count = 60;
        // Writers queue for the connections of their replica's pool.
        var database = await server.CreateDatabaseAsync() + ";Timeout=120";
        await using var one = await ResultsHost.StartAsync(_folder, database);
        await using var two = await ResultsHost.StartAsync(_folder, database);
        var writers = Task.WhenAll(
            Enumerable
                .Range(0, Count)
                .SelectMany(n => new[] { (n, Host: one), (n, Host: two) })
                .Select(w =>
                    Task.Run(() =>
                        w
                            .Host.Services.GetRequiredService<Projection>()
                            .RecordReportAsync(Report(w.n), CancellationToken.None)
                    )
                )
        );
        do
        {
            var seen = await one.QueryAsync(db =>
                db.Changes.Where(c => c.Tenant == "alpha")
                    .Select(c => c.Sequence)
                    .Order()
                    .ToListAsync()
            );
            Assert.Equal(Enumerable.Range(1, seen.Count).Select(n => (long)n), seen);
        } while (!writers.IsCompleted);

        Assert.Equal(Count, (await writers).Count(isNew => isNew));
        Assert.Equal(
            Count / 2,
            await one.QueryAsync(db =>
                db.Changes.Where(c => c.Tenant == "beta").MaxAsync(c => c.Sequence)
            )
        );
    }

    [Fact]
    public async Task Replicas_that_complete_a_study_at_once_make_one_report_and_one_event()
    {
        var database = await server.CreateDatabaseAsync();
        await using var one = await ResultsHost.StartAsync(_folder, database);
        await using var two = await ResultsHost.StartAsync(_folder, database);
        for (var n = 1; n <= 5; n++)
        {
            var study = await new StoredStudy(one).CompleteAsync();
            await Task.WhenAll(
                new[] { one, two, one, two }.Select(host =>
                    Task.Run(() => host.Flow.TryEndAsync(study.Context, CancellationToken.None))
                )
            );
            Assert.Equal(n, await one.QueryAsync(db => db.Changes.CountAsync()));
        }
    }

    /// <summary>The n-th study: even ones are alpha's, odd ones beta's.</summary>
    private static StudyReport Report(int n) =>
        new()
        {
            Study = new()
            {
                Tenant = n % 2 == 0 ? "alpha" : "beta",
                StudyId = n.ToString("x32", CultureInfo.InvariantCulture),
                Revision = 1,
                CorrelationId = Guid.NewGuid(),
            },
            Outcome = StudyOutcome.Analysed,
            CompletedAt = StoredStudy.ReceivedAt,
            CodeVersion = "1.2.3",
        };
}
