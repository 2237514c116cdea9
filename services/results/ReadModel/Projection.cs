using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>
/// Writes the read model. Every write may be repeated and come in any order: identities are unique, stages only rise.
/// The statements are those both databases understand.
/// </summary>
public sealed class Projection(IDbContextFactory<ResultsDb> databases, ProjectionSignal signal)
{
    /// <summary>Something happened to a revision.</summary>
    public async Task RecordAsync(
        StudyContext study,
        Progress progress,
        CancellationToken cancellationToken
    )
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await WriteAsync(db, study, progress, null, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        signal.Notify();
    }

    /// <summary>
    /// A revision ended: its row, the progress rows that a lost message may have left out, and one event in the change feed; another where it
    /// shows that a scanner's images or their quality drift.
    /// </summary>
    /// <returns>False where the event was in the change feed already.</returns>
    public async Task<bool> RecordReportAsync(
        StudyReport report,
        CancellationToken cancellationToken
    )
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var isNew = await AppendChangeAsync(db, StudyEvent.Of(report), cancellationToken);
        IReadOnlyList<ChangeEvent> alarms = isNew
            ? await DriftWatch.ObserveAsync(db, report, cancellationToken)
            : [];
        foreach (var alarm in alarms)
        {
            await AppendChangeAsync(db, alarm, cancellationToken);
        }
        foreach (var progress in Progress.Of(report))
        {
            await WriteAsync(db, report.Study, progress, report, cancellationToken);
        }
        await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM reconciliations
            WHERE tenant = {report.Study.Tenant} AND study_id = {report.Study.StudyId} AND revision = {report.Study.Revision}
            """,
            cancellationToken
        );
        await transaction.CommitAsync(cancellationToken);
        signal.Notify();
        foreach (var drift in alarms.Select(alarm => alarm.Data).Cast<DriftEventData>())
        {
            ResultsMetrics
                .DriftAlarms.WithLabels(drift.Site, drift.Model, drift.Direction.ToString())
                .Inc();
        }
        return isNew;
    }

    /// <summary>A stage gave up on a series.</summary>
    /// <returns>False where this failure was in the change feed already.</returns>
    public async Task<bool> RecordFailureAsync(
        StudyFailed failure,
        Progress progress,
        CancellationToken cancellationToken
    )
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var isNew = await AppendChangeAsync(db, StudyEvent.Of(failure), cancellationToken);
        await WriteAsync(db, failure.Study, progress, null, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        signal.Notify();
        return isNew;
    }

    /// <summary>A replay: the failure is forgotten, and the revision may be nudged at once.</summary>
    public async Task ClearFailureAsync(StudyContext study, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var failed = (int)StudyStage.Failed;
        await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM progress
            WHERE tenant = {study.Tenant} AND study_id = {study.StudyId} AND revision = {study.Revision} AND stage = {failed}
            """,
            cancellationToken
        );
        await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE studies SET detail = NULL, stage =
              (SELECT COALESCE(MAX(p.stage), 0) FROM progress p
               WHERE p.tenant = studies.tenant AND p.study_id = studies.study_id AND p.revision = studies.revision)
            WHERE tenant = {study.Tenant} AND study_id = {study.StudyId} AND revision = {study.Revision} AND stage = {failed}
            """,
            cancellationToken
        );
        await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM reconciliations
            WHERE tenant = {study.Tenant} AND study_id = {study.StudyId} AND revision = {study.Revision}
            """,
            cancellationToken
        );
        await transaction.CommitAsync(cancellationToken);
        signal.Notify();
    }

    /// <summary>
    /// Asks for the turn to nudge a standing revision: one replica gets it, and after each turn the next is due twice as much later,
    /// until a new blob shows that work goes on.
    /// </summary>
    /// <param name="study">The revision.</param>
    /// <param name="activity">The time of its newest blob.</param>
    /// <param name="now">The present.</param>
    /// <param name="after">How long from a first turn to the next.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<bool> TryClaimAsync(
        StudyContext study,
        DateTimeOffset activity,
        DateTimeOffset now,
        TimeSpan after,
        CancellationToken cancellationToken
    )
    {
        var (activityMs, nowMs) = (activity.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds());
        var afterMs = Math.Max(1, (long)after.TotalMilliseconds);
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO reconciliations (tenant, study_id, revision, activity, attempts, due_at)
                VALUES ({study.Tenant}, {study.StudyId}, {study.Revision}, {activityMs}, 1, {nowMs
                    + afterMs})
                ON CONFLICT (tenant, study_id, revision) DO UPDATE SET
                  activity = excluded.activity,
                  attempts = CASE WHEN excluded.activity > reconciliations.activity THEN 1 ELSE reconciliations.attempts + 1 END,
                  due_at = {nowMs} + {afterMs} * CASE
                    WHEN excluded.activity > reconciliations.activity THEN 1
                    WHEN reconciliations.attempts >= 5 THEN 32
                    ELSE 1 << reconciliations.attempts END
                WHERE reconciliations.due_at <= {nowMs} OR excluded.activity > reconciliations.activity
                """,
                cancellationToken
            ) == 1;
    }

    private static async Task WriteAsync(
        ResultsDb db,
        StudyContext study,
        Progress progress,
        StudyReport? report,
        CancellationToken cancellationToken
    )
    {
        var stage = (int)progress.Stage;
        var time = progress.Time.ToUnixTimeMilliseconds();
        var received = report?.ReceivedAt?.ToUnixTimeMilliseconds() ?? time;
        int? verdict = report?.Outcome == StudyOutcome.Analysed ? (int)report.Verdict : null;
        var notForDiagnosis = report?.NotForDiagnosis ?? false;
        var detail = progress.Stage.IsTerminal() ? progress.Detail : null;
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO studies (tenant, study_id, revision, site, stage, verdict, not_for_diagnosis, detail, received_at, updated_at)
            VALUES ({study.Tenant}, {study.StudyId}, {study.Revision}, {study.Site}, {stage}, {verdict}, {notForDiagnosis}, {detail}, {received}, {time})
            ON CONFLICT (tenant, study_id, revision) DO UPDATE SET
              stage = CASE WHEN excluded.stage > studies.stage THEN excluded.stage ELSE studies.stage END,
              verdict = COALESCE(excluded.verdict, studies.verdict),
              not_for_diagnosis = (excluded.not_for_diagnosis OR studies.not_for_diagnosis),
              detail = CASE WHEN excluded.stage >= studies.stage THEN excluded.detail ELSE studies.detail END,
              received_at = CASE WHEN excluded.received_at < studies.received_at THEN excluded.received_at ELSE studies.received_at END,
              updated_at = CASE WHEN excluded.updated_at > studies.updated_at THEN excluded.updated_at ELSE studies.updated_at END
            """,
            cancellationToken
        );
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO progress (tenant, study_id, revision, stage, series, model, detail, time)
            VALUES ({study.Tenant}, {study.StudyId}, {study.Revision}, {stage}, {progress.Series}, {progress.Model}, {progress.Detail}, {time})
            ON CONFLICT DO NOTHING
            """,
            cancellationToken
        );
    }

    /// <summary>
    /// Appends an event once. Its sequence has no gap and never becomes visible after a higher one, because writers of a tenant
    /// take turns from here to their commit: by a lock of the transaction on PostgreSQL; SQLite has one writer at a time anyway.
    /// </summary>
    private static async Task<bool> AppendChangeAsync(
        ResultsDb db,
        ChangeEvent change,
        CancellationToken cancellationToken
    )
    {
        if (db.Database.IsNpgsql())
        {
            await db.Database.ExecuteSqlAsync(
                $"SELECT pg_advisory_xact_lock(hashtextextended({change.Tenant}, 0))",
                cancellationToken
            );
        }
        var changes = db.Changes.Where(c => c.Tenant == change.Tenant);
        if (await changes.AnyAsync(c => c.EventId == change.Id, cancellationToken))
        {
            return false;
        }
        var sequence = 1 + (await changes.MaxAsync(c => (long?)c.Sequence, cancellationToken) ?? 0);
        db.Changes.Add(
            new()
            {
                Tenant = change.Tenant,
                Sequence = sequence,
                EventId = change.Id,
                Type = change.Type,
                Json = change.ToJson(sequence),
            }
        );
        await db.SaveChangesAsync(cancellationToken);
        return true;
    }
}
