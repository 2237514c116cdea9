using System.Diagnostics;
using System.Security.Cryptography;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// Takes a study in, whichever way it came: open marker, then files, then manifest.json, then <see cref="StudyReceived"/>.
/// A revision belongs to whoever creates its manifest; files are named by their content, so two senders of the same study
/// write the same blobs and end as one, and what a killed process left behind is used when the study is sent again.
/// </summary>
public sealed partial class StudyIntake(
    IBlobStore blobs,
    IBus bus,
    TenantDirectory tenants,
    IOptions<IngestOptions> options,
    TimeProvider time,
    ILogger<StudyIntake> logger
)
{
    /// <summary>Opens an upload: add its files, pass it to <see cref="SubmitAsync"/>, dispose it. Nothing is stored before it is submitted.</summary>
    /// <exception cref="IntakeUnavailableException">No spool file can be made.</exception>
    public StudyUpload OpenUpload() => new(options.Value);

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
    /// <exception cref="IntakeUnavailableException">The blob store does not take it now.</exception>
    public async Task<IntakeResult> SubmitAsync(
        StudySubmission submission,
        StudyUpload upload,
        CancellationToken cancellationToken
    )
    {
        var started = Stopwatch.GetTimestamp();
        submission = Check(submission);
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
        if (!result.Completed)
        {
            await AnnounceAsync(result.Study, cancellationToken);
        }
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

    /// <summary>SHA-256 over the files' digests in sorted order, each as 64 hexadecimal digits.</summary>
    internal static string InputDigest(IEnumerable<string> digests) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                System.Text.Encoding.ASCII.GetBytes(
                    string.Concat(digests.Order(StringComparer.Ordinal))
                )
            )
        );

    private async Task<(IntakeResult Result, string Outcome)> StoreAsync(
        StudySubmission submission,
        StudyUpload upload,
        CancellationToken cancellationToken
    )
    {
        var digest = InputDigest(upload.Files.Select(file => file.Sha256));
        var instances = StudyIdentity.Instances(upload);
        var studyId = tenants.PseudonymOf(
            submission.Tenant,
            StudyIdentity.Of(submission, instances, digest)
        );
        try
        {
            for (var revision = 1; ; revision++)
            {
                var study = new StudyContext
                {
                    Tenant = submission.Tenant,
                    Site = submission.Site!,
                    StudyId = studyId,
                    Revision = revision,
                    CorrelationId = StudyIdentity.Correlation(submission.Tenant, studyId, revision),
                    Priority = submission.Priority,
                };
                var held = await blobs.FindJsonAsync<StudyManifest>(
                    BlobNames.Manifest(study),
                    cancellationToken
                );
                held ??= await WriteAsync(
                    study,
                    submission,
                    upload,
                    instances,
                    digest,
                    cancellationToken
                );
                if (held is null)
                {
                    return (new(study, false, false), revision == 1 ? "received" : "revised");
                }
                if (IsSame(held, digest, submission.Models))
                {
                    var completed = await ReopenAsync(held.Study, cancellationToken);
                    return (new(held.Study, true, completed), "repeated");
                }
            }
        }
        catch (Exception e)
            when (e is not (OperationCanceledException or SubmissionRefusedException))
        {
            IngestMetrics.Studies.WithLabels(submission.Site!, "unavailable").Inc();
            LogUnavailable(e, submission.Tenant, studyId);
            throw new IntakeUnavailableException(e);
        }
    }

    /// <summary>Writes a revision nobody has closed yet.</summary>
    /// <returns>Null; or, where another sender closed the revision meanwhile, that sender's manifest.</returns>
    private async Task<StudyManifest?> WriteAsync(
        StudyContext study,
        StudySubmission submission,
        StudyUpload upload,
        IReadOnlyList<DicomIdentity?> instances,
        string digest,
        CancellationToken cancellationToken
    )
    {
        var marked = await blobs.TryCreateJsonAsync(
            BlobNames.Open(study),
            study,
            cancellationToken
        );
        var items = upload
            .Files.Zip(instances)
            .Select(file => new ReceivedItem
            {
                Name = $"{file.First.Sha256}{file.First.Extension}",
                Bytes = file.First.Bytes,
                Sha256 = file.First.Sha256,
                SeriesKey = file.Second is { } instance
                    ? tenants.PseudonymOf(study.Tenant, StudyIdentity.OfSeries(instance))
                    : null,
            })
            .ToArray();
        await Parallel.ForEachAsync(
            upload.Files.Zip(items),
            new ParallelOptions
            {
                MaxDegreeOfParallelism = options.Value.ParallelWrites,
                CancellationToken = cancellationToken,
            },
            async (pair, token) =>
            {
                await blobs.TryCreateAsync(
                    BlobNames.Received(study, pair.Second.Name),
                    async (stream, writing) =>
                    {
                        await using var file = upload.OpenRead(pair.First);
                        await file.CopyToAsync(stream, writing);
                    },
                    token
                );
            }
        );
        var manifest = new StudyManifest
        {
            Study = study,
            ReceivedAt = time.GetUtcNow(),
            Source = submission.Source,
            Items = items,
            InputDigest = digest,
            RequestedModels = submission.Models,
        };
        if (!await blobs.TryCreateJsonAsync(BlobNames.Manifest(study), manifest, cancellationToken))
        {
            return await blobs.ReadJsonAsync<StudyManifest>(
                BlobNames.Manifest(study),
                cancellationToken
            );
        }
        if (!marked)
        {
            // The marker was an abandoned upload's, and the reconciler may have swept it since.
            await blobs.TryCreateJsonAsync(BlobNames.Open(study), study, cancellationToken);
        }
        IngestMetrics.Bytes.WithLabels(study.Site).Inc(upload.Bytes);
        return null;
    }

    /// <summary>Sending a study again is also how a sender asks for another try of one that failed.</summary>
    /// <returns>Whether the report exists, so that nothing is left to do.</returns>
    private async Task<bool> ReopenAsync(StudyContext study, CancellationToken cancellationToken)
    {
        if (await blobs.ExistsAsync(BlobNames.Report(study), cancellationToken))
        {
            return true;
        }
        await blobs.TryCreateJsonAsync(BlobNames.Open(study), study, cancellationToken);
        await blobs.DeleteAsync(BlobNames.Failure(study), cancellationToken);
        return false;
    }

    /// <summary>The study is safe by now: where the broker does not answer, the reconciler finds the open marker and publishes.</summary>
    private async Task AnnounceAsync(StudyContext study, CancellationToken cancellationToken)
    {
        try
        {
            await bus.PublishConfirmedAsync(
                new StudyReceived { Study = study },
                cancellationToken,
                options.Value.PublishTimeout
            );
        }
        catch (Exception e)
        {
            IngestMetrics.PublishFailures.Inc();
            LogNotPublished(e, study.Tenant, study.StudyId, study.Revision);
        }
    }

    private static bool IsSame(StudyManifest held, string digest, IReadOnlyList<string> models) =>
        held.InputDigest == digest && held.RequestedModels.ToHashSet().SetEquals(models);

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

    [LoggerMessage(
        LogLevel.Warning,
        "{Tenant}: study {StudyId} r{Revision} is stored, the broker did not confirm its event; left to the reconciler"
    )]
    private partial void LogNotPublished(Exception e, string tenant, string studyId, int revision);
}
