using System.Security.Cryptography;
using System.Text;

namespace Platform.Ingest;

/// <summary>What makes two uploads the same study.</summary>
internal static class StudyIdentity
{
    /// <summary>The sender's reference; else the content itself. To be hashed with the tenant's secret: it can name a patient.</summary>
    public static string Of(StudySubmission submission, string digest) =>
        string.IsNullOrEmpty(submission.Reference)
            ? $"content:{digest}"
            : $"reference:{submission.Reference}";

    /// <summary>The same for every message of a revision, whoever sends it and however often.</summary>
    public static Guid Correlation(string tenant, string studyId, int revision) =>
        new(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}/{studyId}/r{revision}")).AsSpan(0, 16)
        );
}
