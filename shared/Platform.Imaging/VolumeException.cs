namespace Platform.Imaging;

/// <summary>What is wrong with an image.</summary>
public enum VolumeFault
{
    /// <summary>Not a format this library reads, or a data type it does not support.</summary>
    UnsupportedFormat,

    /// <summary>The stream ends early, a checksum fails, or header and data disagree.</summary>
    CorruptData,

    /// <summary>The header promises more than the reader's limit.</summary>
    TooLarge,

    /// <summary>Zero, negative or non-finite spacing, a singular affine, slices that form no volume.</summary>
    BadGeometry,

    /// <summary>Another number of dimensions than asked for, or too few slices.</summary>
    NotAVolume,

    /// <summary>Non-finite voxels or a constant image where contrast is needed.</summary>
    BadVoxels,

    /// <summary>Instances of several series where one is expected.</summary>
    MixedSeries,
}

/// <summary>An image cannot be used. The message names the value and what to do, never a file name or patient data.</summary>
public sealed class VolumeException(VolumeFault fault, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What is wrong, for machines.</summary>
    public VolumeFault Fault { get; } = fault;
}
