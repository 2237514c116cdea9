using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>The read model: a projection of the blobs, for questions that a listing of blobs would answer slowly.</summary>
public sealed class ResultsDb(DbContextOptions<ResultsDb> options) : DbContext(options)
{
    /// <summary>One row a study revision.</summary>
    public DbSet<StudyRow> Studies => Set<StudyRow>();

    /// <summary>One row for each thing that happened to a revision.</summary>
    public DbSet<ProgressRow> Progress => Set<ProgressRow>();

    /// <summary>One row an event that other systems see.</summary>
    public DbSet<ChangeRow> Changes => Set<ChangeRow>();

    /// <summary>How far each tenant's events have been published to the broker.</summary>
    public DbSet<FeedPositionRow> FeedPositions => Set<FeedPositionRow>();

    /// <summary>When the reconciler looks at a standing revision again.</summary>
    public DbSet<ReconciliationRow> Reconciliations => Set<ReconciliationRow>();

    /// <summary>What is remembered of each scanner's cases by each model.</summary>
    public DbSet<DriftStreamRow> DriftStreams => Set<DriftStreamRow>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<StudyRow>(row =>
        {
            row.ToTable("studies")
                .HasKey(s => new
                {
                    s.Tenant,
                    s.StudyId,
                    s.Revision,
                });
            row.HasIndex(s => new
            {
                s.Tenant,
                s.ReceivedAt,
                s.StudyId,
            });
        });
        modelBuilder.Entity<ProgressRow>(row =>
        {
            row.ToTable("progress")
                .HasKey(p => new
                {
                    p.Tenant,
                    p.StudyId,
                    p.Revision,
                    p.Stage,
                    p.Series,
                    p.Model,
                });
        });
        modelBuilder.Entity<ChangeRow>(row =>
        {
            row.ToTable("changefeed").HasKey(c => new { c.Tenant, c.Sequence });
            row.HasIndex(c => new { c.Tenant, c.EventId }).IsUnique();
        });
        modelBuilder.Entity<FeedPositionRow>().ToTable("feed_positions").HasKey(p => p.Tenant);
        modelBuilder.Entity<ReconciliationRow>(row =>
            row.ToTable("reconciliations")
                .HasKey(r => new
                {
                    r.Tenant,
                    r.StudyId,
                    r.Revision,
                })
        );
        modelBuilder.Entity<DriftStreamRow>(row =>
            row.ToTable("drift_streams")
                .HasKey(d => new
                {
                    d.Tenant,
                    d.Site,
                    d.Scanner,
                    d.Model,
                    d.SuperResolved,
                })
        );
        foreach (
            var property in modelBuilder.Model.GetEntityTypes().SelectMany(e => e.GetProperties())
        )
        {
            property.SetColumnName(SnakeCase(property.Name));
            property.ValueGenerated = Microsoft.EntityFrameworkCore.Metadata.ValueGenerated.Never;
        }
    }

    private static string SnakeCase(string name) =>
        string.Concat(
            name.Select(
                (c, n) =>
                    char.IsUpper(c) ? (n > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()
            )
        );
}

/// <summary>A study revision. Times are milliseconds since the epoch (UTC), the same in both databases.</summary>
public sealed record StudyRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The study.</summary>
    public required string StudyId { get; init; }

    /// <summary>The revision.</summary>
    public required int Revision { get; init; }

    /// <summary>The scanner's site.</summary>
    public required string Site { get; init; }

    /// <summary>How far it has come.</summary>
    public required StudyStage Stage { get; init; }

    /// <summary>The report's verdict, once analysed.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>True where any output derives from a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }

    /// <summary>Why it was rejected or failed.</summary>
    public string? Detail { get; init; }

    /// <summary>When it was received.</summary>
    public required long ReceivedAt { get; init; }

    /// <summary>When anything last happened.</summary>
    public required long UpdatedAt { get; init; }
}

/// <summary>Something that happened to a revision; its identity is all but detail and time, so a redelivered message adds nothing.</summary>
public sealed record ProgressRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The study.</summary>
    public required string StudyId { get; init; }

    /// <summary>The revision.</summary>
    public required int Revision { get; init; }

    /// <summary>What was reached.</summary>
    public required StudyStage Stage { get; init; }

    /// <summary>The series; empty where the whole study is meant.</summary>
    public required string Series { get; init; }

    /// <summary>The model as name@version; empty where the whole study is meant.</summary>
    public required string Model { get; init; }

    /// <summary>For people.</summary>
    public required string Detail { get; init; }

    /// <summary>When, in milliseconds since the epoch.</summary>
    public required long Time { get; init; }

    /// <summary>In the order things happened, how the revision ended last.</summary>
    internal static List<ProgressRow> InOrder(IEnumerable<ProgressRow> rows) =>
        [
            .. rows.OrderBy(r => r.Stage > StudyStage.Failed)
                .ThenBy(r => r.Time)
                .ThenBy(r => r.Stage)
                .ThenBy(r => r.Series, StringComparer.Ordinal),
        ];
}

/// <summary>An event other systems see.</summary>
public sealed record ChangeRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>1, 2, 3, … in each tenant, without a gap, in the order in which they became visible.</summary>
    public required long Sequence { get; init; }

    /// <summary>The CloudEvent's id: derived from what happened, so that it is there once.</summary>
    public required string EventId { get; init; }

    /// <summary>The CloudEvent's type.</summary>
    public required string Type { get; init; }

    /// <summary>The CloudEvent as structured JSON.</summary>
    public required string Json { get; init; }
}

/// <summary>How far a tenant's events have been published.</summary>
public sealed record FeedPositionRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The last sequence the broker confirmed.</summary>
    public required long Position { get; init; }
}

/// <summary>A standing revision as the reconciler saw it.</summary>
public sealed record ReconciliationRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The study.</summary>
    public required string StudyId { get; init; }

    /// <summary>The revision.</summary>
    public required int Revision { get; init; }

    /// <summary>The newest blob's time, in milliseconds since the epoch.</summary>
    public required long Activity { get; init; }

    /// <summary>How often it was nudged since then.</summary>
    public required int Attempts { get; init; }

    /// <summary>When it is due again, in milliseconds since the epoch.</summary>
    public required long DueAt { get; init; }
}

/// <summary>What is remembered of a stream of cases.</summary>
public sealed record DriftStreamRow
{
    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The scanner's site.</summary>
    public required string Site { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>Manufacturer and model of the scanner; empty where that is not known.</summary>
    public required string Scanner { get; init; }

    /// <summary>Whether the cases are segmentations of super-resolved volumes.</summary>
    public required bool SuperResolved { get; init; }

    /// <summary>A <see cref="DriftState"/> of each measure, as JSON.</summary>
    public required string State { get; init; }
}
