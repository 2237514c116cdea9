using System.Globalization;
using System.Text.RegularExpressions;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>Finds studies in the blob store, which knows of them before the read model does.</summary>
internal static partial class StudyLookup
{
    /// <summary>The context of a tenant's study revision, or null where there is none.</summary>
    /// <param name="blobs">The store.</param>
    /// <param name="tenant">The caller's tenant.</param>
    /// <param name="studyId">The study, as the caller wrote it.</param>
    /// <param name="revision">The revision; 0 for the latest.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<StudyContext?> FindAsync(
        IBlobStore blobs,
        string tenant,
        string studyId,
        int revision,
        CancellationToken cancellationToken
    )
    {
        if (!StudyId().IsMatch(studyId) || revision < 0)
        {
            return null;
        }
        if (revision == 0)
        {
            revision = Math.Max(
                await LatestAsync(blobs, $"{tenant}/studies/{studyId}/r", cancellationToken),
                await LatestAsync(
                    blobs,
                    $"{BlobNames.OpenPrefix(tenant)}{studyId}-r",
                    cancellationToken
                )
            );
        }
        var study = Key(tenant, studyId, revision);
        return (
                await blobs.FindJsonAsync<StudyManifest>(
                    BlobNames.Manifest(study),
                    cancellationToken
                )
            )?.Study
            ?? (
                await blobs.FindJsonAsync<StudyReport>(BlobNames.Report(study), cancellationToken)
            )?.Study
            ?? await blobs.FindJsonAsync<StudyContext>(BlobNames.Open(study), cancellationToken);
    }

    /// <summary>Names blobs of a revision whose context is not known.</summary>
    public static StudyContext Key(string tenant, string studyId, int revision) =>
        new()
        {
            Tenant = tenant,
            StudyId = studyId,
            Revision = revision,
            CorrelationId = Guid.Empty,
        };

    private static async Task<int> LatestAsync(
        IBlobStore blobs,
        string prefix,
        CancellationToken cancellationToken
    )
    {
        var latest = 0;
        await foreach (var blob in blobs.ListAsync(prefix, cancellationToken))
        {
            var rest = blob.Name.AsSpan(prefix.Length);
            var end = rest.IndexOf('/');
            var digits = end < 0 ? rest : rest[..end];
            if (
                int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var found)
            )
            {
                latest = Math.Max(latest, found);
            }
        }
        return latest;
    }

    [GeneratedRegex("^[0-9a-f]{32}$")]
    private static partial Regex StudyId();
}
