using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Platform.Results;

/// <summary>Creates the read model's tables before anything else starts. Replicas that start at once wait for each other.</summary>
internal sealed partial class ReadModelSetup(
    IDbContextFactory<ResultsDb> databases,
    TimeProvider time,
    ILogger<ReadModelSetup> logger
) : IHostedService
{
    private const long AdvisoryLock = 0x706c6174666f726d;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                await CreateAsync(cancellationToken);
                return;
            }
            // A server that is still starting. A file that cannot be opened will not open later.
            catch (NpgsqlException e)
                when (e.IsTransient && time.GetElapsedTime(started) < Patience)
            {
                LogWaiting(logger, e.GetType().Name);
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        if (!db.Database.IsNpgsql())
        {
            await CreateTablesAsync(db, cancellationToken);
            // Readers and the writer do not wait for each other.
            await db.Database.ExecuteSqlAsync($"PRAGMA journal_mode = WAL", cancellationToken);
            return;
        }
        var creator = db.GetService<IRelationalDatabaseCreator>();
        if (!await creator.ExistsAsync(cancellationToken))
        {
            try
            {
                await creator.CreateAsync(cancellationToken);
            }
            catch (DbException e)
                when (e.SqlState
                        is PostgresErrorCodes.DuplicateDatabase
                            or PostgresErrorCodes.UniqueViolation
                )
            {
                // Another replica was first.
            }
        }
        await db.Database.OpenConnectionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"SELECT pg_advisory_lock({AdvisoryLock})",
            cancellationToken
        );
        try
        {
            await CreateTablesAsync(db, cancellationToken);
        }
        finally
        {
            await db.Database.ExecuteSqlAsync(
                $"SELECT pg_advisory_unlock({AdvisoryLock})",
                CancellationToken.None
            );
        }
    }

    /// <summary>Creates what an earlier version of the platform did not have; what is there stays.</summary>
    private static async Task CreateTablesAsync(ResultsDb db, CancellationToken cancellationToken)
    {
        var script = db
            .Database.GenerateCreateScript()
            .Replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", StringComparison.Ordinal)
            .Replace("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS ", StringComparison.Ordinal)
            .Replace(
                "CREATE UNIQUE INDEX ",
                "CREATE UNIQUE INDEX IF NOT EXISTS ",
                StringComparison.Ordinal
            );
        await db.Database.ExecuteSqlRawAsync(script, cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the database does not answer yet: {Error}")]
    private static partial void LogWaiting(ILogger logger, string error);
}
