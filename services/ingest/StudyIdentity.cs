using System.Security.Cryptography;
using System.Text;
using Platform.Dicom;
using Platform.Imaging;

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
        IEnumerable<DicomIdentity?> instances,
        string digest
    ) =>
        !string.IsNullOrEmpty(submission.Reference) ? $"reference:{submission.Reference}"
        : StudyInstanceUid(instances) is { } uid ? $"dicom:{uid}"
        : $"content:{digest}";

    /// <summary>What makes two instances one series; to be hashed likewise.</summary>
    public static string OfSeries(DicomIdentity instance) => $"series:{instance.SeriesInstanceUid}";

    /// <summary>Who the files are, in their order; null for what is no DICOM instance, or none that can be read: what is wrong with it, preprocessing tells.</summary>
    public static IReadOnlyList<DicomIdentity?> Instances(StudyUpload upload) =>
        [
            .. upload.Files.Select(file =>
            {
                if (file.Extension != FileSignature.Dicom)
                {
                    return null;
                }
                try
                {
                    using var stream = upload.OpenRead(file);
                    return DicomFile.ReadIdentity(stream);
                }
                catch (VolumeException)
                {
                    return null;
                }
            }),
        ];

    /// <summary>The same for every message of a revision, whoever sends it and however often.</summary>
    public static Guid Correlation(string tenant, string studyId, int revision) =>
        new(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}/{studyId}/r{revision}")).AsSpan(0, 16)
        );

    /// <summary>Where the instances name several studies, the first in ordinal order, so that the order sent does not matter.</summary>
    private static string? StudyInstanceUid(IEnumerable<DicomIdentity?> instances) =>
        instances
            .OfType<DicomIdentity>()
            .Select(i => i.StudyInstanceUid)
            .Min(StringComparer.Ordinal);
}
