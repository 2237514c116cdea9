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
    public static string Of(StudySubmission submission, StudyUpload upload, string digest) =>
        !string.IsNullOrEmpty(submission.Reference) ? $"reference:{submission.Reference}"
        : StudyInstanceUid(upload) is { } uid ? $"dicom:{uid}"
        : $"content:{digest}";

    /// <summary>The same for every message of a revision, whoever sends it and however often.</summary>
    public static Guid Correlation(string tenant, string studyId, int revision) =>
        new(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}/{studyId}/r{revision}")).AsSpan(0, 16)
        );

    /// <summary>Of the DICOM instances that can be read; where they name several studies, the first in ordinal order, so that the order sent does not matter.</summary>
    private static string? StudyInstanceUid(StudyUpload upload) =>
        upload
            .Files.Where(file => file.Extension == FileSignature.Dicom)
            .Select(file =>
            {
                try
                {
                    using var stream = upload.OpenRead(file);
                    return DicomFile.ReadIdentity(stream).StudyInstanceUid;
                }
                catch (VolumeException)
                {
                    // What is wrong with it, preprocessing tells.
                    return null;
                }
            })
            .OfType<string>()
            .Min(StringComparer.Ordinal);
}
