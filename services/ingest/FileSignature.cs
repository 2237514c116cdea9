using System.Buffers.Binary;
using Platform.Dicom;

namespace Platform.Ingest;

/// <summary>What a file is by its first bytes. Senders' file names can name patients, so they are never looked at.</summary>
internal static class FileSignature
{
    /// <summary>The extension of DICOM instances.</summary>
    public const string Dicom = ".dcm";

    /// <summary>The extension of what is neither NIfTI nor DICOM.</summary>
    public const string Unknown = ".bin";

    /// <summary>Bytes that tell a file.</summary>
    public const int HeadBytes = 352;

    /// <summary>".nii.gz", ".nii.zst", ".dcm", ".nii" or, for anything else, ".bin". </summary>
    public static string Extension(ReadOnlySpan<byte> head) =>
        head switch
        {
            [0x1F, 0x8B, ..] => ".nii.gz",
            [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] =>
                ".nii.zst",
            _ when DicomFile.Sniff(head) => Dicom,
            _ when IsNifti(head) => ".nii",
            _ => Unknown,
        };

    /// <summary>sizeof_hdr in either byte order.</summary>
    private static bool IsNifti(ReadOnlySpan<byte> head) =>
        head.Length >= 348
        && (
            BinaryPrimitives.ReadInt32LittleEndian(head) is 348 or 540
            || BinaryPrimitives.ReadInt32BigEndian(head) is 348 or 540
        );
}
