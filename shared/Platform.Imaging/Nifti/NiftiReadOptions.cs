namespace Platform.Imaging;

/// <summary>What the reader accepts.</summary>
public sealed record NiftiReadOptions
{
    /// <summary>The defaults.</summary>
    public static NiftiReadOptions Default { get; } = new();

    /// <summary>Most voxels in the 3D volume read; more is refused before anything is allocated. Default 2²⁹ (2 GiB of floats).</summary>
    public long MaxVoxels { get; init; } = 1L << 29;

    /// <summary>Which frame of a 4D file to read, from 0. Null (default) refuses a file of several frames.</summary>
    public int? Frame { get; init; }

    /// <summary>Whether NaN and infinite voxels are accepted. Default false: they are refused with their count.</summary>
    public bool AllowNonFinite { get; init; }
}
