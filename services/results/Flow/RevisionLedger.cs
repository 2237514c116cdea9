using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>What the blob store holds of one revision, from one listing and its plan: the truth about how far it has come.</summary>
public sealed class RevisionLedger
{
    private readonly StudyContext _study;
    private readonly Dictionary<string, DateTimeOffset> _blobs;

    private RevisionLedger(
        StudyContext study,
        Dictionary<string, DateTimeOffset> blobs,
        StudyPlan? plan
    )
    {
        _study = study;
        _blobs = blobs;
        Plan = plan;
    }

    /// <summary>The plan, once preprocessing has made it.</summary>
    public StudyPlan? Plan { get; }

    /// <summary>When the plan was made.</summary>
    public DateTimeOffset PlannedAt => _blobs.GetValueOrDefault(BlobNames.Plan(_study));

    /// <summary>Every byte of the study is there.</summary>
    public bool HasManifest => _blobs.ContainsKey(BlobNames.Manifest(_study));

    /// <summary>The revision has ended.</summary>
    public bool HasReport => _blobs.ContainsKey(BlobNames.Report(_study));

    /// <summary>A stage gave up, and nobody has asked for a replay.</summary>
    public bool HasFailure => _blobs.ContainsKey(BlobNames.Failure(_study));

    /// <summary>When the newest blob was written; the least value where there is none.</summary>
    public DateTimeOffset LastActivity =>
        _blobs.Count == 0 ? DateTimeOffset.MinValue : _blobs.Values.Max();

    /// <summary>Planned outputs that do not exist.</summary>
    public IReadOnlyList<PlannedOutput> MissingOutputs =>
        [.. Applicable.Where(o => !_blobs.ContainsKey(o.Output))];

    /// <summary>Segmentations whose labels exist and whose predicted quality does not.</summary>
    public IReadOnlyList<PlannedOutput> MissingQualities =>
        [
            .. Applicable.Where(o =>
                o.Kind == OutputKind.Segmentation
                && _blobs.ContainsKey(o.Output)
                && !_blobs.ContainsKey(BlobNames.Quality(_study, o.Model, o.Series))
            ),
        ];

    /// <summary>Everything that was planned exists.</summary>
    public bool IsComplete =>
        Plan is not null && MissingOutputs.Count == 0 && MissingQualities.Count == 0;

    private IEnumerable<PlannedOutput> Applicable =>
        Plan?.Outputs.Where(o => o.NotApplicable is null) ?? [];

    /// <summary>Reads the ledger of a revision.</summary>
    public static async Task<RevisionLedger> ReadAsync(
        IBlobStore blobs,
        StudyContext study,
        CancellationToken cancellationToken
    )
    {
        var found = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        await foreach (var blob in blobs.ListAsync(BlobNames.Revision(study), cancellationToken))
        {
            found.Add(blob.Name, blob.LastModified);
        }
        var plan = found.ContainsKey(BlobNames.Plan(study))
            ? await blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), cancellationToken)
            : null;
        return new(study, found, plan);
    }

    /// <summary>Whether what a model reads exists.</summary>
    public bool HasInput(PlannedOutput output) => _blobs.ContainsKey(output.Input);

    /// <summary>Whether another planned output makes what this one reads.</summary>
    public bool IsDerived(PlannedOutput output) => Applicable.Any(o => o.Output == output.Input);
}
