using System.ComponentModel.DataAnnotations;

namespace Platform.Preprocessing;

/// <summary>Section "Preprocessing": what is taken for a volume, and what is made of several.</summary>
public sealed class PreprocessingOptions
{
    /// <summary>Least voxels along every axis; fewer is not a volume. Default 8.</summary>
    [Range(1, 1024)]
    public int MinSlices { get; init; } = 8;

    /// <summary>Most voxels of one series; a header that promises more is refused before anything is allocated. Default 2²⁸ (1 GiB of float32).</summary>
    [Range(1, int.MaxValue)]
    public long MaxVoxels { get; init; } = 1L << 28;

    /// <summary>Studies worked on at a time; each holds one volume in memory. Default 2.</summary>
    [Range(1, 64)]
    public int Concurrency { get; init; } = 2;

    /// <summary>Aligns the series of a study to the most detailed of them. Default true.</summary>
    public bool AlignSequences { get; init; } = true;
}
