using System.ComponentModel.DataAnnotations;

namespace Platform.Preprocessing;

/// <summary>Section "Preprocessing": what is taken for a volume, and what is made of several.</summary>
public sealed class PreprocessingOptions
{
    /// <summary>Least voxels along every axis; fewer is not a volume. Default 8.</summary>
    [Range(1, 1024)]
    public int MinSlices { get; init; } = 8;

    /// <summary>Most voxels of one volume; a header that promises more is refused before anything is allocated. Default 2²⁸ (1 GiB of float32).</summary>
    [Range(1, int.MaxValue)]
    public long MaxVoxels { get; init; } = 1L << 28;

    /// <summary>
    /// Most voxels of all frames of a time series, and of all volumes that were received as one DICOM series. No memory is taken for them, but room on disk: twice as
    /// many bytes in the temporary folder, four times in the store. Default 2³⁰.
    /// </summary>
    [Range(1, long.MaxValue)]
    public long MaxSeriesVoxels { get; init; } = 1L << 30;

    /// <summary>Most frames of a time series. Default 4096.</summary>
    [Range(1, 1 << 16)]
    public int MaxFrames { get; init; } = 4096;

    /// <summary>Studies worked on at a time; each holds one volume in memory. Default 2.</summary>
    [Range(1, 64)]
    public int Concurrency { get; init; } = 2;

    /// <summary>Aligns the series of a study to the most detailed of them. Default true.</summary>
    public bool AlignSequences { get; init; } = true;
}
