using System.ComponentModel.DataAnnotations;

namespace Platform.Qc;

/// <summary>Section "Qc".</summary>
public sealed class QcOptions
{
    /// <summary>Segmentations assessed at a time; each uses every core it is given. Default 1.</summary>
    [Range(1, 64)]
    public int Concurrency { get; init; } = 1;

    /// <summary>References registered at a time for one segmentation; 0 takes as many as there are cores. Default 0.</summary>
    [Range(0, 256)]
    public int Parallelism { get; init; }

    /// <summary>
    /// References of one segmentation held against it by one replica: where it has more, they are split over replicas. 0 never splits. Default 0.
    /// </summary>
    [Range(0, 100_000)]
    public int ReferencesPerPart { get; init; }

    /// <summary>Frames of a time series that are assessed, the first, the last and others evenly between; the rest is measured. Default 8.</summary>
    [Range(1, 4096)]
    public int MaxFrames { get; init; } = 8;

    /// <summary>
    /// A training service runs: it fits a network to each segmentation of the models that ask for constrained-cnn. Without it they are
    /// <see cref="Contracts.Verdict.Unassessed"/>. Default false.
    /// </summary>
    public bool Training { get; init; }

    /// <summary>How many parts so many references are split into.</summary>
    internal int PartsOf(int references) =>
        ReferencesPerPart == 0
            ? 1
            : Math.Max(1, (references + ReferencesPerPart - 1) / ReferencesPerPart);
}
