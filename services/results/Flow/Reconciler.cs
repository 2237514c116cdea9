using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>
/// Walks the open markers of every tenant and nudges each revision that stands still. Whatever a crash or a broker lost
/// is asked for again; if the broker lost everything, nothing is lost.
/// </summary>
public sealed partial class Reconciler(
    IBlobStore blobs,
    StudyFlow flow,
    Projection projection,
    TenantDirectory tenants,
    IOptions<ResultsOptions> options,
    TimeProvider time,
    ILogger<Reconciler> logger
) : BackgroundService
{
    /// <summary>One walk over all tenants' open markers.</summary>
    public async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var (open, failed) = (0, 0);
        foreach (var tenant in tenants.Names)
        {
            await foreach (
                var marker in blobs.ListAsync(BlobNames.OpenPrefix(tenant), cancellationToken)
            )
            {
                open++;
                try
                {
                    failed +=
                        await ReconcileAsync(marker, cancellationToken) == FlowStep.Failed ? 1 : 0;
                }
                // One revision that cannot be brought forward now must not keep the others from it: the next walk tries again.
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    LogSkipped(logger, marker.Name, e);
                }
            }
        }
        ResultsMetrics.OpenMarkers.WithLabels("running").Set(open - failed);
        ResultsMetrics.OpenMarkers.WithLabels("failed").Set(failed);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.ReconcileEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ReconcileAsync(stoppingToken);
            }
            // The blob store does not answer: the next walk tries again.
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogInterrupted(logger, e);
            }
        }
    }

    private async Task<FlowStep?> ReconcileAsync(
        BlobEntry marker,
        CancellationToken cancellationToken
    )
    {
        var (now, after) = (time.GetUtcNow(), options.Value.ReconcileAfter);
        if (
            now - marker.LastModified < after
            || await blobs.FindJsonAsync<StudyContext>(marker.Name, cancellationToken)
                is not { } study
        )
        {
            return null;
        }
        var ledger = await RevisionLedger.ReadAsync(blobs, study, cancellationToken);
        var step = ledger.Next;
        if (step == FlowStep.Failed)
        {
            return step;
        }
        var activity =
            ledger.LastActivity > marker.LastModified ? ledger.LastActivity : marker.LastModified;
        if (step == FlowStep.Receiving)
        {
            if (now - activity >= options.Value.AbandonAfter)
            {
                await blobs.DeleteAsync(marker.Name, cancellationToken);
                LogAbandoned(logger, study.StudyId, study.Revision);
            }
            return step;
        }
        if (
            now - activity < after
            || !await projection.TryClaimAsync(study, activity, now, after, cancellationToken)
        )
        {
            return null;
        }
        await flow.AdvanceAsync(study, ledger, cancellationToken);
        ResultsMetrics.Reconciled.WithLabels(step.ToString()).Inc();
        LogReconciled(logger, study.StudyId, study.Revision, step);
        return step;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "study {StudyId} r{Revision} stood still: {Step}"
    )]
    private static partial void LogReconciled(
        ILogger logger,
        string studyId,
        int revision,
        FlowStep step
    );

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "study {StudyId} r{Revision}: its upload never finished and is forgotten"
    )]
    private static partial void LogAbandoned(ILogger logger, string studyId, int revision);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Marker} could not be reconciled; tried again later"
    )]
    private static partial void LogSkipped(ILogger logger, string marker, Exception exception);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the walk over the open markers was interrupted; tried again later"
    )]
    private static partial void LogInterrupted(ILogger logger, Exception exception);
}
