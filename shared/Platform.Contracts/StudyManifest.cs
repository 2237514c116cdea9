namespace Platform.Contracts;

/// <summary>manifest.json, written by ingest: what was received in a revision. Its digest identifies the input.</summary>
public sealed record StudyManifest
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>When the revision closed (UTC).</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>How it came: "upload", "grpc", "cli", "dicomweb".</summary>
    public required string Source { get; init; }

    /// <summary>The files, in the order received.</summary>
    public required IReadOnlyList<ReceivedItem> Items { get; init; }

    /// <summary>SHA-256 over the items' digests in sorted order: the same content in any order is the same input.</summary>
    public required string InputDigest { get; init; }

    /// <summary>Names of models (name or name@version) the sender asks for; empty means route by the models' predicates.</summary>
    public IReadOnlyList<string> RequestedModels { get; init; } = [];
}

/// <summary>One received file.</summary>
public sealed record ReceivedItem
{
    /// <summary>
    /// "{SHA-256}{extension}", both from the content; of a DICOM instance "{instance}-{series}-{SHA-256}.dcm", with the keyed hashes of its UIDs: sending it
    /// again writes the same blob.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>Length in bytes, as stored: without what identified the patient.</summary>
    public required long Bytes { get; init; }

    /// <summary>SHA-256 of what is stored, in lower-case hexadecimal; of what was received where nothing is.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Which DICOM series an instance is of: its UID, hashed with the tenant's secret. Null for what is no instance, or none that can be read.</summary>
    public string? SeriesKey { get; init; }

    /// <summary>Why the file is not analysed; null for one that is.</summary>
    public ItemRefusal? Refusal { get; init; }
}

/// <summary>Why a received file is not analysed: it cannot be read, and so nothing of it is stored, or it is held.</summary>
/// <param name="Reason">For machines.</param>
/// <param name="Detail">For people, never with a value that could name a patient.</param>
public sealed record ItemRefusal(RejectionReason Reason, string Detail);
