using System.Collections.Frozen;
using System.Globalization;
using Microsoft.Extensions.Options;
using Platform.Dicom.Deidentification;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Edge;

/// <summary>Fetches the results of what was sent, puts back whose they are, and stores them in Orthanc: each once.</summary>
internal sealed partial class ResultReturner(
    OrthancClient orthanc,
    PlatformClient platform,
    StudyLedger ledger,
    IdentityVault vault,
    IOptions<EdgeOptions> options,
    TimeProvider time,
    ILogger<ResultReturner> logger
)
{
    /// <summary>After a quarter of the time since it was sent a study's results are asked for again.</summary>
    private const double Patience = 0.25;

    /// <summary>The attributes of patient and study, of those that de-identification remembers.</summary>
    private static readonly FrozenSet<uint> PatientAndStudy = FrozenSet.Create<uint>(
        0x0008_0020, // StudyDate
        0x0008_0030, // StudyTime
        0x0008_0050, // AccessionNumber
        0x0008_0090, // ReferringPhysicianName
        0x0008_1030, // StudyDescription
        0x0010_0010, // PatientName
        0x0010_0020, // PatientID
        0x0010_0021, // IssuerOfPatientID
        0x0010_0030, // PatientBirthDate
        0x0010_0040, // PatientSex
        0x0010_1010, // PatientAge
        0x0020_0010 // StudyID
    );

    /// <summary>Asks for the results of every study that is due.</summary>
    /// <returns>false: there is nothing to do before the next round.</returns>
    public async Task<bool> RoundAsync(CancellationToken cancellationToken)
    {
        var due = ledger
            .Active.Where(study =>
                study is { SentAt: not null, Reason: null } && study.NextLook <= time.GetUtcNow()
            )
            .OrderBy(study => study.NextLook);
        foreach (var study in due)
        {
            var age = time.GetUtcNow() - study.SentAt!.Value;
            if (age > options.Value.ResultsFor)
            {
                if (study.Results.Values.All(result => result.StoreTo.Count == 0))
                {
                    ledger.Settle(study.Id);
                }
                continue;
            }
            try
            {
                await ReturnAsync(study, cancellationToken);
            }
            // One study's results must not keep the others': they are asked for again when they are due again.
            catch (Exception e)
                when (e
                        is not (
                            PlatformException { Fault: PlatformFault.Unreachable }
                            or HttpRequestException
                        )
                    && !cancellationToken.IsCancellationRequested
                )
            {
                LogNotReturned(study.Id, EdgeWorker.Reason(e));
            }
            var pause = age * Patience;
            ledger.Update(
                study.Id,
                now =>
                    now with
                    {
                        NextLook =
                            time.GetUtcNow()
                            + (pause > options.Value.PollEvery ? pause : options.Value.PollEvery),
                    }
            );
        }
        return false;
    }

    /// <summary>Sends results to modalities. One that is down keeps no other from its own.</summary>
    /// <returns>false: there is nothing to do before the next round.</returns>
    /// <exception cref="HttpRequestException">A modality is down.</exception>
    public async Task<bool> ForwardAsync(CancellationToken cancellationToken)
    {
        var down = new Dictionary<string, HttpRequestException>();
        var todo =
            from study in ledger.Active
            from result in study.Results
            from modality in result.Value.StoreTo
            select (study.Id, SopInstanceUid: result.Key, result.Value.Orthanc, Modality: modality);
        foreach (var (study, uid, instance, modality) in todo)
        {
            if (down.ContainsKey(modality))
            {
                continue;
            }
            try
            {
                await orthanc.ForwardAsync(modality, instance!, cancellationToken);
            }
            catch (HttpRequestException e)
            {
                down[modality] = e;
                continue;
            }
            ledger.Update(
                study,
                now =>
                    now with
                    {
                        Results = now.Results.SetItem(
                            uid,
                            new(instance, [.. now.Results[uid].StoreTo.Where(m => m != modality)])
                        ),
                    }
            );
            EdgeMetrics.Results.WithLabels("forwarded").Inc();
        }
        return down.Count == 0 ? false : throw down.Values.First();
    }

    private async Task ReturnAsync(StudyRecord study, CancellationToken cancellationToken)
    {
        var found = await platform.ResultsAsync(study.StudyInstanceUid!, cancellationToken);
        var missing = found
            .Where(result =>
                study.Results.GetValueOrDefault(result.SopInstanceUid)?.Orthanc is null
            )
            .ToList();
        if (missing.Count == 0)
        {
            return;
        }
        var crosswalk =
            await vault.FindAsync(EdgeService.Tenant, study.StudyInstanceUid!, cancellationToken)
            ?? throw new VolumeException(VolumeFault.CorruptData, "it is not in the cross-walk");
        var reidentifier = new Reidentifier(
            uid => crosswalk.Uids.GetValueOrDefault(uid),
            crosswalk
                .Attributes.Select(attribute =>
                    (
                        Tag: uint.Parse(
                            attribute.Key,
                            NumberStyles.HexNumber,
                            CultureInfo.InvariantCulture
                        ),
                        attribute.Value
                    )
                )
                .Where(attribute => PatientAndStudy.Contains(attribute.Tag))
                .ToDictionary(attribute => attribute.Tag, attribute => attribute.Value)
        );
        foreach (var result in missing)
        {
            // Known before it is in Orthanc: what comes from there must not be sent as if a scanner had made it.
            Remember(study.Id, result, new(null, []));
            await StoreAsync(study.Id, result, reidentifier, cancellationToken);
        }
        LogReturned(study.Id, missing.Count);
    }

    private async Task StoreAsync(
        string study,
        ResultInstance result,
        Reidentifier reidentifier,
        CancellationToken cancellationToken
    )
    {
        using var spool = new SpoolFile(EdgeService.SpoolOf(options.Value));
        using var copy = spool.OpenWrite(0);
        await platform.ReadAsync(
            result,
            content => reidentifier.Copy(content, copy),
            cancellationToken
        );
        await using var file = spool.OpenRead(0, copy.Length);
        var instance = await orthanc.StoreAsync(file, cancellationToken);
        var isForwarded =
            options.Value.ForwardNotForDiagnosis
            || !await orthanc.IsNotForDiagnosisAsync(instance, cancellationToken);
        Remember(study, result, new(instance, isForwarded ? options.Value.StoreTo : []));
        EdgeMetrics.Results.WithLabels("stored").Inc();
    }

    private void Remember(string study, ResultInstance result, ReturnedResult returned) =>
        ledger.Update(
            study,
            now => now with { Results = now.Results.SetItem(result.SopInstanceUid, returned) }
        );

    [LoggerMessage(LogLevel.Information, "study {Study}: {Results} results are in Orthanc")]
    private partial void LogReturned(string study, int results);

    [LoggerMessage(LogLevel.Warning, "study {Study}: its results cannot be returned: {Reason}")]
    private partial void LogNotReturned(string study, string reason);
}
