using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Contracts.Grpc;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>Follows one study: what has happened, then what happens, until nothing more will.</summary>
public sealed class StudyWatcher(
    IDbContextFactory<ResultsDb> databases,
    IBlobStore blobs,
    Projection projection,
    ProjectionSignal signal,
    IOptions<ResultsOptions> options
)
{
    /// <summary>Every stage the revision has reached and will reach, each once; ends after a terminal one.</summary>
    /// <param name="tenant">The caller's tenant.</param>
    /// <param name="studyId">The study.</param>
    /// <param name="revision">The revision; 0 for the latest.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="BlobNotFoundException">The tenant has no such study.</exception>
    public async IAsyncEnumerable<StudyProgress> WatchAsync(
        string tenant,
        string studyId,
        int revision,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var study = await FindAsync(tenant, studyId, revision, cancellationToken);
        await RestoreAsync(study, cancellationToken);
        var told = new HashSet<(StudyStage, string, string)>();
        while (true)
        {
            var next = signal.Next;
            var rows = await ReadAsync(study, cancellationToken);
            var ended = rows.Exists(r => r.Stage > StudyStage.Failed);
            foreach (var row in rows)
            {
                // A failure that a later report has overtaken is history.
                var terminal = row.Stage.IsTerminal() && (row.Stage > StudyStage.Failed || !ended);
                if (told.Add((row.Stage, row.Series, row.Model)))
                {
                    yield return new()
                    {
                        Stage = row.Stage.Name(),
                        Series = row.Series,
                        Model = row.Model,
                        Detail = row.Detail,
                        Time = row.Time / 1000.0,
                        Terminal = terminal,
                        Verdict = row.Stage == StudyStage.Analysed ? row.Detail : "",
                    };
                }
                if (terminal)
                {
                    yield break;
                }
            }
            await signal.WaitAsync(next, options.Value.PollEvery, cancellationToken);
        }
    }

    /// <summary>The progress of a revision in the order it happened, the terminal stage last.</summary>
    private async Task<List<ProgressRow>> ReadAsync(
        StudyContext study,
        CancellationToken cancellationToken
    )
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await db
            .Progress.AsNoTracking()
            .Where(p =>
                p.Tenant == study.Tenant
                && p.StudyId == study.StudyId
                && p.Revision == study.Revision
            )
            .ToListAsync(cancellationToken);
        // No message says that a plan was made, and the first output may be minutes away.
        if (!rows.Exists(r => r.Stage is StudyStage.Planned || r.Stage.IsTerminal()))
        {
            var ledger = await RevisionLedger.ReadAsync(blobs, study, cancellationToken);
            if (ledger.Plan is { } plan)
            {
                var planned = Progress.Planned(plan, ledger.PlannedAt);
                await projection.RecordAsync(study, planned, cancellationToken);
                rows.Add(planned.ToRow(study));
            }
        }
        return ProgressRow.InOrder(rows);
    }

    private async Task<StudyContext> FindAsync(
        string tenant,
        string studyId,
        int revision,
        CancellationToken cancellationToken
    )
    {
        var found = await StudyLookup.FindAsync(
            blobs,
            tenant,
            studyId,
            revision,
            cancellationToken
        );
        return found ?? throw new BlobNotFoundException($"{tenant}/studies/{studyId}");
    }

    /// <summary>Where the read model was lost, or is another than the one that saw the study end, the report restores its rows.</summary>
    private async Task RestoreAsync(StudyContext study, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var known = await db.Progress.AnyAsync(
            p =>
                p.Tenant == study.Tenant
                && p.StudyId == study.StudyId
                && p.Revision == study.Revision
                && p.Stage > StudyStage.Failed,
            cancellationToken
        );
        if (
            !known
            && await blobs.FindJsonAsync<StudyReport>(BlobNames.Report(study), cancellationToken)
                is { } report
        )
        {
            await projection.RecordReportAsync(report, cancellationToken);
        }
    }
}
