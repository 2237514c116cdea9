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
        where T : unmanaged => Write(stream, [volume], 1, null, compression);

    /// <summary>Writes a time series, or, of one frame, a volume; each frame is asked for when its turn comes.</summary>
    /// <typeparam name="T">See <see cref="NiftiFrameWriter{T}"/>.</typeparam>
    /// <param name="stream">Where the file goes.</param>
    /// <param name="frames">The frames, on one grid.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="intervalMs">From one to the next, ms; null where it is not known.</param>
    /// <param name="compression">Of the file.</param>
    /// <exception cref="InvalidOperationException">There are more or fewer.</exception>
    public static void Write<T>(
        Stream stream,
        IEnumerable<Volume<T>> frames,
        int count,
        double? intervalMs,
        NiftiCompression compression
    )
        where T : unmanaged
    {
        using var writer = new NiftiFrameWriter<T>(stream, count, intervalMs, compression);
        foreach (var frame in frames)
        {
            writer.Write(frame);
        }
        writer.Complete();
    }
}
