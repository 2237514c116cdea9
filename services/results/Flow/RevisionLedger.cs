using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>What a revision lacks first, and so what is to be done for it.</summary>
public enum FlowStep
{
    /// <summary>Its upload is not complete: nothing.</summary>
    Receiving,

    /// <summary>A stage gave up, and a person must ask for a replay: nothing.</summary>
    Failed,

    /// <summary>A plan: preprocessing is asked for it.</summary>
    Planning,

    /// <summary>Outputs that can be made now: their models are asked for them.</summary>
    Inferring,

    /// <summary>Predicted qualities: qc is asked for them.</summary>
    Assessing,

    /// <summary>Nothing that was planned: the report is made where there is none, told, and the open marker goes.</summary>
    Ended,
}

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

    /// <summary>The revision has ended.</summary>
    public bool HasReport => Has(BlobNames.Report(_study));

    /// <summary>When the newest blob was written; the least value where there is none.</summary>
    public DateTimeOffset LastActivity =>
        _blobs.Count == 0 ? DateTimeOffset.MinValue : _blobs.Values.Max();

    /// <summary>What the revision lacks first: the one walk over its plan.</summary>
    public FlowStep Next =>
        HasReport || Plan is not null && !MissingOutputs.Concat(MissingQualities).Any()
            ? FlowStep.Ended
        : Has(BlobNames.Failure(_study)) ? FlowStep.Failed
        : !Has(BlobNames.Manifest(_study)) ? FlowStep.Receiving
        // A plan whose volumes are gone is made anew: its names are the same.
        : Plan is null || MissingOutputs.Any(o => !Has(o.Input) && !IsDerived(o))
            ? FlowStep.Planning
        : ReadyOutputs.Any() ? FlowStep.Inferring
        : FlowStep.Assessing;

    /// <summary>Planned outputs that do not exist and whose input does.</summary>
    public IEnumerable<PlannedOutput> ReadyOutputs => MissingOutputs.Where(o => Has(o.Input));

    /// <summary>Segmentations whose labels exist and whose predicted quality does not.</summary>
    public IEnumerable<PlannedOutput> MissingQualities =>
        Applicable.Where(o =>
            o.Kind == OutputKind.Segmentation
            && Has(o.Output)
            && !Has(BlobNames.Quality(_study, o.Model, o.Series))
        );

    private IEnumerable<PlannedOutput> MissingOutputs => Applicable.Where(o => !Has(o.Output));

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

    /// <summary>Whether another planned output makes what this one reads.</summary>
    private bool IsDerived(PlannedOutput output) => Applicable.Any(o => o.Output == output.Input);

    private bool Has(string blob) => _blobs.ContainsKey(blob);
}
