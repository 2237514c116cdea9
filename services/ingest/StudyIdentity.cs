using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>What makes two uploads the same study.</summary>
internal static class StudyIdentity
{
    /// <summary>
    /// The sender's reference; else the StudyInstanceUID, for DICOM; else the content itself. To be hashed with the tenant's secret:
    /// it can name a patient.
    /// </summary>
    public static string Of(
        StudySubmission submission,
        IEnumerable<ReceivedFile> files,
        string digest
    ) =>
        !string.IsNullOrEmpty(submission.Reference) ? $"reference:{submission.Reference}"
        : StudyInstanceUid(files) is { } uid ? TenantDirectory.IdentityOfUid(uid)
        : $"content:{digest}";

    /// <summary>What the vault is to know of an instance.</summary>
    public static Crosswalk Of(DeidentifiedInstance instance)
    {
        var crosswalk = new Crosswalk();
        foreach (var (tag, value) in instance.Identity)
        {
            crosswalk.Attributes[tag.ToString("X8", CultureInfo.InvariantCulture)] = value;
        }
        Add(instance.StudyInstanceUid, instance.OriginalStudyInstanceUid);
        Add(instance.SeriesInstanceUid, instance.OriginalSeriesInstanceUid);
        Add(instance.SopInstanceUid, instance.OriginalSopInstanceUid);
        Add(instance.FrameOfReferenceUid, instance.OriginalFrameOfReferenceUid);
        return crosswalk;

        void Add(string? uid, string? received)
        {
            if (!string.IsNullOrEmpty(uid) && !string.IsNullOrEmpty(received))
            {
                crosswalk.Uids[uid] = received;
            }
        }
    }

    /// <summary>The same for every message of a revision, whoever sends it and however often.</summary>
    public static Guid Correlation(string tenant, string studyId, int revision) =>
        new(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}/{studyId}/r{revision}")).AsSpan(0, 16)
        );

    /// <summary>Where the instances name several studies, the first in ordinal order, so that the order sent does not matter.</summary>
    private static string? StudyInstanceUid(IEnumerable<ReceivedFile> files) =>
        files
            .Select(file => file.Instance?.OriginalStudyInstanceUid)
            .OfType<string>()
            .Min(StringComparer.Ordinal);
}
