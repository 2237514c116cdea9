using System.Globalization;

namespace Platform.Contracts;

/// <summary>
/// Where everything is. Names derive from what made the content, are written once, and start in the tenant,
/// which is the blob container. The same names serve Azure Blob Storage and a folder.
/// </summary>
public static class BlobNames
{
    /// <summary>Everything of one revision lies below this prefix (ends in '/').</summary>
    public static string Revision(StudyContext study) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{study.Tenant}/studies/{study.StudyId}/r{study.Revision}/"
        );

    /// <summary>
    /// A received file, once for all revisions that list it. <paramref name="item"/> is <see cref="ReceivedItem.Name"/>.
    /// </summary>
    public static string Received(StudyContext study, string item) =>
        Received(study.Tenant, study.StudyId, item);

    /// <inheritdoc cref="Received(StudyContext, string)"/>
    public static string Received(string tenant, string study, string item) =>
        $"{InputPrefix(tenant, study)}{item}";

    /// <summary>The prefix of the files received of a study.</summary>
    public static string InputPrefix(string tenant, string study) =>
        $"{tenant}/studies/{study}/input/";

    /// <summary>An instance whose pixels may show who the patient is: stored, and not analysed before somebody has looked.</summary>
    public static string Held(string tenant, string study, string item) =>
        $"{HeldPrefix(tenant, study)}{item}";

    /// <summary>The prefix of a study's held instances.</summary>
    public static string HeldPrefix(string tenant, string study) =>
        $"{tenant}/studies/{study}/held/";

    /// <summary>Present while instances of a study arrive one by one, until a revision lists them all. <paramref name="what"/> is "since" or "expects-{n}".</summary>
    public static string Gathering(string tenant, string study, string what) =>
        $"{GatheringPrefix(tenant)}{study}/{what}";

    /// <summary>The prefix of a tenant's studies whose instances arrive one by one.</summary>
    public static string GatheringPrefix(string tenant) => $"{tenant}/gathering/";

    /// <summary>A part of who a study's pseudonyms stand for, encrypted.</summary>
    public static string Identity(string tenant, string study, string part) =>
        $"{IdentityPrefix(tenant, study)}{part}";

    /// <summary>The prefix of the parts.</summary>
    public static string IdentityPrefix(string tenant, string study) => $"{tenant}/vault/{study}/";

    /// <summary><see cref="StudyManifest"/>: what was received.</summary>
    public static string Manifest(StudyContext study) => $"{Revision(study)}manifest.json";

    /// <summary><see cref="StudyPlan"/>: every output the revision must have.</summary>
    public static string Plan(StudyContext study) => $"{Revision(study)}plan.json";

    /// <summary>A series as a canonical RAS+ volume.</summary>
    public static string Volume(StudyContext study, string series) =>
        $"{Revision(study)}volumes/{series}.nii.zst";

    /// <summary><see cref="SourceSeries"/> of a DICOM series.</summary>
    public static string Instances(StudyContext study, string series) =>
        $"{Revision(study)}volumes/{series}.instances.json";

    /// <summary>A series resampled on the grid of another of its study, to which it was aligned.</summary>
    public static string Aligned(StudyContext study, string series, string anchor) =>
        $"{Revision(study)}volumes/{series}-on-{anchor}.nii.zst";

    /// <summary>The labels a segmentation model made of a series.</summary>
    public static string Labels(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/labels.nii.zst";

    /// <summary>The volume a super-resolution model made of a series.</summary>
    public static string SuperResolved(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/volume.nii.zst";

    /// <summary>The mean absolute error a super-resolution model expects of every voxel of its volume; absent where the model does not say. Written before the volume.</summary>
    public static string Uncertainty(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/uncertainty.nii.zst";

    /// <summary><see cref="OutputProvenance"/> of a model's output; written before the output itself.</summary>
    public static string Provenance(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/provenance.json";

    /// <summary><see cref="SegmentationQuality"/> of a model's labels.</summary>
    public static string Quality(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/quality.json";

    /// <summary>What one part of the references says of a model's labels; kept by qc for itself. Parts of another number of parts have other names.</summary>
    public static string QualityPart(
        StudyContext study,
        string model,
        string series,
        int part,
        int parts
    ) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Revision(study)}{model}/{series}/quality-{part}-of-{parts}.json"
        );

    /// <summary>The network that training fitted to a model's labels, as ONNX, by which qc judges them.</summary>
    public static string ReverseClassifier(StudyContext study, string model, string series) =>
        $"{Revision(study)}{model}/{series}/constrained-cnn.onnx";

    /// <summary><see cref="StudyReport"/>: the one terminal document, created once.</summary>
    public static string Report(StudyContext study) => $"{Revision(study)}report.json";

    /// <summary>Present when a stage gave up: the reconciler leaves the revision alone until it is replayed.</summary>
    public static string Failure(StudyContext study) => $"{Revision(study)}failed.json";

    /// <summary><see cref="StudyContext"/>, from the first byte received until <see cref="StudyAnalysed"/> is confirmed by the broker.</summary>
    public static string Open(StudyContext study) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{study.Tenant}/open/{study.StudyId}-r{study.Revision}"
        );

    /// <summary>The prefix of a tenant's open markers.</summary>
    public static string OpenPrefix(string tenant) => $"{tenant}/open/";

    /// <summary>A file of a model package: model.json, model.onnx or card.md. "models" is a container of its own.</summary>
    public static string Model(string name, string version, string file) =>
        $"models/{name}/{version}/{file}";

    /// <summary>A file of a reference set. "references" is a container of its own.</summary>
    public static string Reference(string set, string version, string file) =>
        $"references/{set}/{version}/{file}";
}
