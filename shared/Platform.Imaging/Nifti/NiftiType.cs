namespace Platform.Imaging;

/// <summary>How a NIfTI file stores a voxel; values are the codes of the header's datatype field.</summary>
public enum NiftiType
{
    /// <summary>Unsigned 8 bit.</summary>
    UInt8 = 2,

    /// <summary>Signed 16 bit.</summary>
    Int16 = 4,

    /// <summary>Signed 32 bit.</summary>
    Int32 = 8,

    /// <summary>IEEE single precision.</summary>
    Float32 = 16,

    /// <summary>IEEE double precision.</summary>
    Float64 = 64,

    /// <summary>Signed 8 bit.</summary>
    Int8 = 256,

    /// <summary>Unsigned 16 bit.</summary>
    UInt16 = 512,

    /// <summary>Unsigned 32 bit.</summary>
    UInt32 = 768,

    /// <summary>Signed 64 bit.</summary>
    Int64 = 1024,

    /// <summary>Unsigned 64 bit.</summary>
    UInt64 = 1280,
}

internal static class NiftiTypes
{
    public static int Bytes(this NiftiType type) =>
        type switch
        {
            NiftiType.UInt8 or NiftiType.Int8 => 1,
            NiftiType.Int16 or NiftiType.UInt16 => 2,
            NiftiType.Int32 or NiftiType.UInt32 or NiftiType.Float32 => 4,
            _ => 8,
        };
}
