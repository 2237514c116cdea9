namespace Platform.Contracts;

/// <summary>How aligning a series with its study's anchor ended.</summary>
public enum AlignmentOutcome
{
    /// <summary>The study's most detailed series: the others are aligned to it.</summary>
    Anchor,

    /// <summary>Aligned; the resampled volume is stored.</summary>
    Aligned,

    /// <summary>Tried, but the two images have too little in common; <see cref="SeriesAlignment.Detail"/> says how little.</summary>
    Failed,

    /// <summary>Not tried; <see cref="SeriesAlignment.Detail"/> says why.</summary>
    NotTried,
}

/// <summary>A series of a study brought onto the voxels of another, rigidly: one body, which may have moved between them.</summary>
public sealed record SeriesAlignment
{
    /// <summary>How it ended.</summary>
    public required AlignmentOutcome Outcome { get; init; }

    /// <summary>The series aligned to, or meant to; null for the anchor itself.</summary>
    public string? Anchor { get; init; }

    /// <summary>The rigid map as 4×4, row-major, in RAS mm: where a point of the anchor's world lies in this series' world. Null unless aligned.</summary>
    public IReadOnlyList<double>? FromAnchor { get; init; }

    /// <summary>What was maximised; null where not tried.</summary>
    public ImageSimilarity? Similarity { get; init; }

    /// <summary>Mutual information over the smaller of the images' entropies where both show something, 0 to 1; null where not tried.</summary>
    public double? SimilarityValue { get; init; }

    /// <summary>How far the centre of the anchor's field of view is moved, mm. Null unless aligned.</summary>
    public double? ShiftMm { get; init; }

    /// <summary>By how much it is turned, degrees. Null unless aligned.</summary>
    public double? RotationDegrees { get; init; }

    /// <summary>The blob of the series resampled, linearly, on the anchor's grid; 0 outside its field of view. Null unless aligned.</summary>
    public string? Volume { get; init; }

    /// <summary>SHA-256 of that blob's bytes.</summary>
    public string? VolumeDigest { get; init; }

    /// <summary>Why it was not tried or failed, for people.</summary>
    public string? Detail { get; init; }
}
