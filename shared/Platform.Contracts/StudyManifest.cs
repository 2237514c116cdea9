namespace Platform.Contracts;

/// <summary>manifest.json, written by ingest: what was received in a revision. Its digest identifies the input.</summary>
public sealed record StudyManifest
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>When the revision closed (UTC).</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>How it came: "upload", "grpc", "cli".</summary>
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
    /// <summary>Name below received/: "{SHA-256}{extension}", both from the content, so that sending it again writes the same blob.</summary>
    public required string Name { get; init; }

    /// <summary>Length in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>SHA-256 in lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Which DICOM series an instance is of: its UID, hashed with the tenant's secret. Null for what is no instance, or none that can be read.</summary>
    public string? SeriesKey { get; init; }
}
