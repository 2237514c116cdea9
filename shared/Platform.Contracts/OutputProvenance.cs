namespace Platform.Contracts;

/// <summary>provenance.json beside a model's output: what made it, from what, how long it took.</summary>
public sealed record OutputProvenance
{
    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>SHA-256 of model.onnx.</summary>
    public required string ModelDigest { get; init; }

    /// <summary>SHA-256 of the input blob's bytes.</summary>
    public required string InputDigest { get; init; }

    /// <summary>The platform's version.</summary>
    public required string CodeVersion { get; init; }

    /// <summary>Where it ran: "cpu" or "cuda".</summary>
    public required string ExecutionProvider { get; init; }

    /// <summary>True where the output is, or derives from, a super-resolved volume.</summary>
    public bool NotForDiagnosis { get; init; }

    /// <summary>By label value, the mean pairwise Dice of the network's answers on altered images, of a time series the least of a frame; null where the model does not ask for it.</summary>
    public IReadOnlyDictionary<int, double>? Agreement { get; init; }

    /// <summary>
    /// Of a super-resolved volume, how far it is from the slices that were acquired, seen through the model's slice profile: root mean square over the image's standard deviation,
    /// of a time series the most of a frame; null of other outputs.
    /// </summary>
    public double? Deviation { get; init; }

    /// <summary>Whether <see cref="BlobNames.Uncertainty"/> lies beside the output.</summary>
    public bool Uncertainty { get; init; }

    /// <summary>Seconds by step: "fetch", "prepare", "infer", "restore".</summary>
    public IReadOnlyDictionary<string, double> Seconds { get; init; } =
        new Dictionary<string, double>();
}
