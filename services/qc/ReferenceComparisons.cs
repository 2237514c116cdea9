using Platform.Imaging;

namespace Platform.Qc;

/// <summary>What references say of one segmentation: all a verdict needs of them, and small enough to be stored.</summary>
public sealed record ReferenceComparisons
{
    /// <summary>Those that could be held against the image.</summary>
    public required IReadOnlyList<ReferenceComparison> References { get; init; }

    /// <summary>References that could not.</summary>
    public required int Failed { get; init; }

    /// <summary>Seconds it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>What the parts say together.</summary>
    public static ReferenceComparisons Join(IReadOnlyCollection<ReferenceComparisons> parts) =>
        new()
        {
            References = [.. parts.SelectMany(part => part.References)],
            Failed = parts.Sum(part => part.Failed),
            Seconds = parts.Sum(part => part.Seconds),
        };
}

/// <summary>What one reference says.</summary>
/// <param name="Reference">Its number in the set, from 1.</param>
/// <param name="Overlaps">How its known (first) and its reversely predicted (second) labels overlap.</param>
public sealed record ReferenceComparison(int Reference, IReadOnlyList<LabelOverlap> Overlaps);
