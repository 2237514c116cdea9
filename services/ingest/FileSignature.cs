using System.Buffers.Binary;

namespace Platform.Ingest;

/// <summary>What a file is by its first bytes. Senders' file names can name patients, so they are never looked at.</summary>
internal static class FileSignature
{
    /// <summary>".nii.gz", ".nii.zst", ".dcm", ".nii" or, for anything else, ".bin". A stage that reads the file decides again.</summary>
    public static string Extension(ReadOnlySpan<byte> head) =>
        head switch
        {
            [0x1F, 0x8B, ..] => ".nii.gz",
            [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] =>
                ".nii.zst",
            _ when IsDicom(head) => ".dcm",
            _ when IsNifti(head) => ".nii",
            _ => ".bin",
        };

    private static bool IsDicom(ReadOnlySpan<byte> head) =>
        head.Length >= 132 && head[128..132].SequenceEqual("DICM"u8);

    /// <summary>sizeof_hdr in either byte order.</summary>
    private static bool IsNifti(ReadOnlySpan<byte> head) =>
        head.Length >= 348
        && (
            BinaryPrimitives.ReadInt32LittleEndian(head) is 348 or 540
            || BinaryPrimitives.ReadInt32BigEndian(head) is 348 or 540
        );
}
