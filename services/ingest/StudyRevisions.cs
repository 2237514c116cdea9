using System.Security.Cryptography;
using System.Text;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// Closes revisions, whichever way their files came: open marker, files, manifest.json, then <see cref="StudyReceived"/>. A revision belongs to whoever
/// creates its manifest.
/// </summary>
public sealed partial class StudyRevisions(
    IBlobStore blobs,
    IBus bus,
    IOptions<IngestOptions> options,
    TimeProvider time,
    ILogger<StudyRevisions> logger
)
{
    /// <summary>
    /// Finds the revision that has these files and models, or closes the next with them, and announces it unless its report exists. Safe at any time, by
    /// several at once.
    /// </summary>
    /// <param name="submission">Whose, and how it came; its site is filled in.</param>
    /// <param name="studyId">The study.</param>
    /// <param name="items">The files.</param>
    /// <param name="store">Stores them, where a revision is to be closed.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Where the study is, and what became of it: "received", "revised" or "repeated".</returns>
    internal async Task<(IntakeResult Result, string Outcome)> CloseAsync(
        StudySubmission submission,
        string studyId,
        IReadOnlyList<ReceivedItem> items,
        Func<StudyContext, CancellationToken, Task> store,
        CancellationToken cancellationToken
    )
    {
        var (result, outcome) = await FindOrWriteAsync(
            submission,
            studyId,
            items,
            store,
            cancellationToken
        );
        if (!result.Completed)
        {
            await AnnounceAsync(result.Study, cancellationToken);
        }
        return (result, outcome);
    }

    /// <summary>SHA-256 over the files' digests in sorted order, each as 64 hexadecimal digits; a held file counts as another than the same released.</summary>
    internal static string InputDigest(IEnumerable<ReceivedItem> items) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.ASCII.GetBytes(
                    string.Concat(
                        items
                            .Select(item =>
                                item.Refusal?.Reason == RejectionReason.BurnedInAnnotation
                                    ? $"held{item.Sha256}"
                                    : item.Sha256
                            )
                            .Order(StringComparer.Ordinal)
                    )
                )
            )
        );

    private async Task<(IntakeResult Result, string Outcome)> FindOrWriteAsync(
        StudySubmission submission,
        string studyId,
        IReadOnlyList<ReceivedItem> items,
        Func<StudyContext, CancellationToken, Task> store,
        CancellationToken cancellationToken
    )
    {
        var digest = InputDigest(items);
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
            if (held is null)
            {
                await blobs.TryCreateJsonAsync(BlobNames.Open(study), study, cancellationToken);
                await store(study, cancellationToken);
                held = await WriteAsync(
                    new StudyManifest
                    {
                        Study = study,
                        ReceivedAt = time.GetUtcNow(),
                        Source = submission.Source,
                        Items = items,
                        InputDigest = digest,
                        RequestedModels = submission.Models,
                    },
                    cancellationToken
                );
            }
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

    /// <summary>Closes a revision nobody has closed yet.</summary>
    /// <returns>Null; or, where another sender closed the revision meanwhile, that sender's manifest.</returns>
    private async Task<StudyManifest?> WriteAsync(
        StudyManifest manifest,
        CancellationToken cancellationToken
    )
    {
        var study = manifest.Study;
        if (!await blobs.TryCreateJsonAsync(BlobNames.Manifest(study), manifest, cancellationToken))
        {
            return await blobs.ReadJsonAsync<StudyManifest>(
                BlobNames.Manifest(study),
                cancellationToken
            );
        }
        // An upload may take so long that the reconciler has swept its marker as an abandoned one's.
        await blobs.TryCreateJsonAsync(BlobNames.Open(study), study, cancellationToken);
        IngestMetrics.Bytes.WithLabels(study.Site).Inc(manifest.Items.Sum(item => item.Bytes));
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
        LogLevel.Warning,
        "{Tenant}: study {StudyId} r{Revision} is stored, the broker did not confirm its event; left to the reconciler"
    )]
    private partial void LogNotPublished(Exception e, string tenant, string studyId, int revision);
}
