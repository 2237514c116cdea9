using System.Diagnostics;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Dicom.Deidentification;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// Takes in a study that is sent whole. Files are named by their content, so two senders of the same study write the same blobs and end as one, and what a
/// killed process left behind is used when the study is sent again. Studies whose instances come one by one are <see cref="StudyGathering"/>'s.
/// </summary>
public sealed partial class StudyIntake(
    IBlobStore blobs,
    IdentityVault vault,
    StudyRevisions revisions,
    TenantDirectory tenants,
    IOptions<IngestOptions> options,
    ILogger<StudyIntake> logger
)
{
    /// <summary>Opens an upload of a tenant: add its files, pass it to <see cref="SubmitAsync"/>, dispose it. Nothing is stored before it is submitted.</summary>
    /// <exception cref="IntakeUnavailableException">No spool file can be made, or the disk has too little room.</exception>
    public StudyUpload OpenUpload(string tenant)
    {
        RequireRoom();
        return new(options.Value, DeidentifierOf(tenant));
    }

    /// <summary>What takes patients' names out of a tenant's instances.</summary>
    internal Deidentifier DeidentifierOf(string tenant) =>
        new(
            options.Value.DeidentificationOf(tenant),
            identity => tenants.PseudonymOf(tenant, identity)
        );

    /// <summary>Refuses to start what the disk could not end.</summary>
    /// <exception cref="IntakeUnavailableException">The spool's disk has less room than it must.</exception>
    internal void RequireRoom()
    {
        Directory.CreateDirectory(options.Value.SpoolPath);
        var free = new DriveInfo(Path.GetFullPath(options.Value.SpoolPath)).AvailableFreeSpace;
        if (free < options.Value.MinFreeBytes)
        {
            throw new IntakeUnavailableException(
                new IOException(
                    $"{free} bytes are free below Ingest:SpoolPath, {options.Value.MinFreeBytes} must be (Ingest:MinFreeBytes)"
                )
            );
        }
    }

    /// <summary>Refuses what no upload can make good, so that a sender hears of it before sending gigabytes.</summary>
    /// <returns>The submission with its site filled in.</returns>
    /// <exception cref="SubmissionRefusedException">An unknown site.</exception>
    public StudySubmission Check(StudySubmission submission)
    {
        var sites = tenants.Sites(submission.Tenant);
        var site = string.IsNullOrEmpty(submission.Site) ? sites[0] : submission.Site;
        if (!sites.Contains(site))
        {
            throw new SubmissionRefusedException(
                RefusalKind.Invalid,
                "site",
                site,
                $"unknown site; this tenant has {string.Join(", ", sites)}"
            );
        }
        return submission with { Site = site };
    }

    /// <summary>Stores the study and announces it. Sending the same again is safe at any time, also while the first is under way.</summary>
    /// <exception cref="SubmissionRefusedException">A wrong field, or not a byte in the upload.</exception>
    /// <exception cref="IntakeUnavailableException">Spool or blob store do not take it now.</exception>
    public async Task<IntakeResult> SubmitAsync(
        StudySubmission submission,
        StudyUpload upload,
        CancellationToken cancellationToken
    )
    {
        var started = Stopwatch.GetTimestamp();
        submission = Check(submission);
        await upload.EndFileAsync(cancellationToken);
        if (upload.Bytes == 0)
        {
            throw new SubmissionRefusedException(
                RefusalKind.EmptyStudy,
                "files",
                null,
                "no file, or only empty ones: send at least one NIfTI file or DICOM instance"
            );
        }
        var (result, outcome) = await StoreAsync(submission, upload, cancellationToken);
        IngestMetrics.Studies.WithLabels(submission.Site!, outcome).Inc();
        IngestMetrics
            .Duration.WithLabels(submission.Site!, outcome)
            .Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
        LogReceived(
            result.Study.Tenant,
            result.Study.StudyId,
            result.Study.Revision,
            outcome,
            upload.Files.Count,
            upload.Bytes
        );
        return result;
    }

    private async Task<(IntakeResult Result, string Outcome)> StoreAsync(
        StudySubmission submission,
        StudyUpload upload,
        CancellationToken cancellationToken
    )
    {
        string Pseudonym(string identity) => tenants.PseudonymOf(submission.Tenant, identity);
        var items = upload.Files.Select(file => file.Item(Pseudonym)).ToArray();
        var studyId = Pseudonym(
            StudyIdentity.Of(submission, upload.Files, StudyRevisions.InputDigest(items))
        );
        try
        {
            await KeepIdentityAsync(submission.Tenant, studyId, upload.Files, cancellationToken);
            return await revisions.CloseAsync(
                submission,
                studyId,
                items,
                (study, token) => StoreFilesAsync(study, upload, items, token),
                cancellationToken
            );
        }
        catch (Exception e)
            when (e is not (OperationCanceledException or SubmissionRefusedException))
        {
            IngestMetrics.Studies.WithLabels(submission.Site!, "unavailable").Inc();
            LogUnavailable(e, submission.Tenant, studyId);
            throw new IntakeUnavailableException(e);
        }
    }

    /// <summary>Before a sender is answered, the vault knows whose the pseudonyms are.</summary>
    internal async Task KeepIdentityAsync(
        string tenant,
        string studyId,
        IEnumerable<ReceivedFile> files,
        CancellationToken cancellationToken
    )
    {
        var crosswalk = new Crosswalk();
        foreach (var instance in files.Select(file => file.Instance).OfType<DeidentifiedInstance>())
        {
            crosswalk.Add(StudyIdentity.Of(instance));
        }
        if (crosswalk.Uids.Count > 0)
        {
            await vault.KeepAsync(tenant, studyId, crosswalk, cancellationToken);
        }
    }

    private Task StoreFilesAsync(
        StudyContext study,
        StudyUpload upload,
        ReceivedItem[] items,
        CancellationToken cancellationToken
    ) =>
        Parallel.ForEachAsync(
            upload.Files.Zip(items).Where(pair => pair.First.IsKept),
            new ParallelOptions
            {
                MaxDegreeOfParallelism = options.Value.ParallelWrites,
                CancellationToken = cancellationToken,
            },
            async (pair, token) =>
                await blobs.TryCreateAsync(
                    pair.First.IsHeld
                        ? BlobNames.Held(study.Tenant, study.StudyId, pair.Second.Name)
                        : BlobNames.Received(study, pair.Second.Name),
                    async (stream, writing) =>
                    {
                        await using var file = upload.OpenRead(pair.First);
                        await file.CopyToAsync(stream, writing);
                    },
                    token
                )
        );

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} {Outcome}: {Files} files, {Bytes} bytes"
    )]
    private partial void LogReceived(
        string tenant,
        string studyId,
        int revision,
        string outcome,
        int files,
        long bytes
    );

    [LoggerMessage(LogLevel.Error, "{Tenant}: study {StudyId} cannot be stored")]
    private partial void LogUnavailable(Exception e, string tenant, string studyId);
}
