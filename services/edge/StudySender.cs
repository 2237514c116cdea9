using Microsoft.Extensions.Options;
using Platform.Dicom.Deidentification;
using Platform.Hosting;

namespace Platform.Edge;

/// <summary>
/// Sends what comes to Orthanc: follows its changes, and sends each study once no more of it comes, the oldest first. An instance is dealt with only once the
/// platform has acknowledged it; one that is sent again because the agent ended before it could write that down is the same again, and is there once.
/// </summary>
internal sealed partial class StudySender(
    OrthancClient orthanc,
    PlatformClient platform,
    StudyLedger ledger,
    IdentityVault vault,
    TenantDirectory pseudonyms,
    IOptions<EdgeOptions> options,
    TimeProvider time,
    ILogger<StudySender> logger
)
{
    private const string NewInstance = "NewInstance";

    private readonly Deidentifier _deidentifier = new(
        options.Value.Deidentification,
        identity => pseudonyms.PseudonymOf(EdgeService.Tenant, identity)
    );

    /// <summary>Takes note of what is new, and sends a study.</summary>
    /// <returns>Whether there may be another one to send.</returns>
    public async Task<bool> RoundAsync(CancellationToken cancellationToken)
    {
        await FollowAsync(cancellationToken);
        var waiting = ledger
            .Active.Where(study => study.Changed && study.Reason is null)
            .OrderBy(study => study.Attempts)
            .ThenBy(study => study.Since);
        foreach (var study in waiting)
        {
            if (await orthanc.IsStableAsync(study.Orthanc, cancellationToken) != false)
            {
                await SendAsync(study, cancellationToken);
                return true;
            }
        }
        return false;
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        for (var done = false; !done; )
        {
            var page = await orthanc.ChangesAsync(ledger.Place, cancellationToken);
            if (page.Last < ledger.Place)
            {
                // Another Orthanc, or the same with an empty storage, counts from the start.
                ledger.Place = 0;
                continue;
            }
            foreach (var change in page.Changes.Where(c => c.ChangeType == NewInstance))
            {
                if (await orthanc.StudyOfAsync(change.Id, cancellationToken) is { } study)
                {
                    ledger.Touch(study);
                }
            }
            if (page.Changes.Count > 0)
            {
                ledger.Place = page.Last;
            }
            done = page.Done;
        }
    }

    private async Task SendAsync(StudyRecord study, CancellationToken cancellationToken)
    {
        try
        {
            await SendInstancesAsync(study, cancellationToken);
        }
        catch (PlatformException e) when (e.Fault == PlatformFault.Refused)
        {
            SetAside(study, $"the platform {e.Message}");
        }
        // Of anything else the study may be the cause: it must not keep the others back.
        catch (Exception e)
            when (e
                    is not (
                        PlatformException { Fault: PlatformFault.Unreachable }
                        or HttpRequestException
                    )
                && !cancellationToken.IsCancellationRequested
            )
        {
            ledger.Update(study.Id, now => now with { Attempts = now.Attempts + 1 });
            throw;
        }
    }

    private async Task SendInstancesAsync(StudyRecord study, CancellationToken cancellationToken)
    {
        var instances = await orthanc.InstancesAsync(study.Orthanc, cancellationToken) ?? [];
        var left = new Queue<string>(
            instances
                .Where(one => !study.Results.ContainsKey(one.MainDicomTags.SopInstanceUid))
                .Select(one => one.Id)
                .Where(id => !study.Done.Contains(id))
        );
        if (left.Count == 0 && study.SentAt is not null)
        {
            ledger.Update(study.Id, now => now with { Changed = false });
            return;
        }
        study = ledger.Update(study.Id, now => now with { SentAt = null });
        while (left.Count > 0)
        {
            study = await SendBatchAsync(study, left, cancellationToken);
        }
        if (study.Acknowledged == 0)
        {
            SetAside(study, instances.Count == 0 ? "gone from Orthanc" : "no instance can be sent");
            return;
        }
        await platform.CompleteAsync(
            study.StudyInstanceUid!,
            study.Acknowledged,
            cancellationToken
        );
        var at = time.GetUtcNow();
        ledger.Update(
            study.Id,
            now => now with { Changed = false, SentAt = at, NextLook = at, Attempts = 0 }
        );
        LogSent(study.Id, study.Acknowledged, study.Refused, study.Held);
    }

    private async Task<StudyRecord> SendBatchAsync(
        StudyRecord study,
        Queue<string> left,
        CancellationToken cancellationToken
    )
    {
        var taken = new List<string>();
        using var batch = new InstanceBatch(
            EdgeService.SpoolOf(options.Value),
            _deidentifier,
            options.Value.SendBurnedInAnnotation
        );
        while (
            batch.Instances < options.Value.BatchInstances
            && batch.Bytes < options.Value.BatchBytes
            && left.TryDequeue(out var id)
        )
        {
            await using var instance = await orthanc.OpenAsync(id, cancellationToken);
            if (instance is not null)
            {
                batch.Add(instance);
                taken.Add(id);
            }
        }
        var refused = 0;
        if (batch.Instances > 0)
        {
            // Before they leave, so that nothing is at the platform that cannot be found again here.
            await vault.KeepAsync(
                EdgeService.Tenant,
                batch.StudyInstanceUid!,
                batch.Crosswalk,
                cancellationToken
            );
            refused = await platform.StoreAsync(batch, cancellationToken);
        }
        EdgeMetrics.Instances.WithLabels("sent").Inc(batch.Instances - refused);
        EdgeMetrics.Instances.WithLabels("refused").Inc(batch.Refused + refused);
        EdgeMetrics.Instances.WithLabels("held").Inc(batch.Held);
        return ledger.Update(
            study.Id,
            now =>
                now with
                {
                    Done = now.Done.Union(taken),
                    Refused = now.Refused + batch.Refused + refused,
                    Held = now.Held + batch.Held,
                    StudyInstanceUid = now.StudyInstanceUid ?? batch.StudyInstanceUid,
                }
        );
    }

    private void SetAside(StudyRecord study, string reason)
    {
        study = ledger.Update(study.Id, now => now with { Changed = false, Reason = reason });
        LogSetAside(study.Id, reason, study.Acknowledged, study.Refused, study.Held);
    }

    [LoggerMessage(
        LogLevel.Information,
        "study {Study} is sent: {Instances} instances; {Refused} refused, {Held} held"
    )]
    private partial void LogSent(string study, int instances, int refused, int held);

    [LoggerMessage(
        LogLevel.Warning,
        "study {Study} is set aside: {Reason}; {Instances} instances sent, {Refused} refused, {Held} held"
    )]
    private partial void LogSetAside(
        string study,
        string reason,
        int instances,
        int refused,
        int held
    );
}
