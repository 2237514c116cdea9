namespace Platform.Contracts;

/// <summary>Why a study or a planned output was refused. Names are wire identity: never renamed, only added.</summary>
public enum RejectionReason
{
    /// <summary>Fallback for a reason this version does not know.</summary>
    Unknown,

    /// <summary>No file or instance was received.</summary>
    EmptyStudy,

    /// <summary>Neither NIfTI nor DICOM, or a compression that cannot be read.</summary>
    UnsupportedFormat,

    /// <summary>The stream ends early, a checksum fails, or the header promises other data than there is.</summary>
    CorruptData,

    /// <summary>The header promises more voxels than the deployment accepts.</summary>
    TooLarge,

    /// <summary>Zero, negative or non-finite spacing, a singular affine, or slices that do not form a volume.</summary>
    BadGeometry,

    /// <summary>A volume was needed and the image has fewer than the least number of slices, or another number of dimensions.</summary>
    NotAVolume,

    /// <summary>NaN or infinite voxels, or a constant image.</summary>
    BadVoxels,

    /// <summary>One folder or upload holds instances of several series where one was expected.</summary>
    MixedSeries,

    /// <summary>No installed model accepts any series of the study.</summary>
    NoMatchingModel,

    /// <summary>A model was asked for by name and is not installed.</summary>
    UnknownModel,

    /// <summary>An installed model's file does not have the digest its manifest states.</summary>
    ModelDigestMismatch,

    /// <summary>The pixels may show who the patient is: held until somebody of the hospital has looked.</summary>
    BurnedInAnnotation,
}
