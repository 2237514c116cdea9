namespace Platform.Imaging;

/// <summary>How a NIfTI file is compressed.</summary>
public enum NiftiCompression
{
    /// <summary>.nii</summary>
    None,

    /// <summary>.nii.gz: one gzip member, which every tool and browser reads.</summary>
    Gzip,

    /// <summary>.nii.zst: independent zstd frames of 1 MiB with checksums; <c>zstd -d</c> gives the plain file.</summary>
    Zstd,
}

/// <summary>
/// Writes single-file little-endian NIfTI-1 (NIfTI-2 where a dimension exceeds 32,767). The same volume always gives the same bytes: no
/// time, no name. Streams are left open.
/// </summary>
public static class NiftiWriter
{
    /// <summary>Writes a volume. Floats that are all whole numbers of the int16 range are stored as int16, without loss.</summary>
    /// <typeparam name="T">float for images; byte, ushort or short for label maps, stored as they are.</typeparam>
    public static void Write<T>(
        Stream stream,
        Volume<T> volume,
        NiftiCompression compression = NiftiCompression.None
    )
        where T : unmanaged
    {
        using var writer = new NiftiFrameWriter<T>(stream, 1, null, compression);
        writer.Write(volume);
        writer.Complete();
    }
}
