using Platform.Contracts;
using Platform.Dicom.Deidentification;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Ingest;

/// <summary>One received file as it is kept: without what identifies the patient, where it is DICOM.</summary>
/// <param name="Offset">Where it starts in the spool.</param>
/// <param name="Bytes">Length of what is kept.</param>
/// <param name="Sha256">Digest of what is kept, of what was received where nothing is; lower-case hexadecimal.</param>
/// <param name="Extension">From its content, for example ".nii.gz".</param>
internal sealed record ReceivedFile(long Offset, long Bytes, string Sha256, string Extension)
{
    private const int BufferBytes = 1 << 17;

    /// <summary>Who a DICOM instance was, and is now; null for any other file.</summary>
    public DeidentifiedInstance? Instance { get; private init; }

    /// <summary>Why the file cannot be analysed.</summary>
    public ItemRefusal? Refusal { get; private init; }

    /// <summary>Whether anything of it is stored: what cannot be read cannot be cleaned either.</summary>
    public bool IsKept => Refusal is null || IsHeld;

    /// <summary>Whether somebody has to look at the pixels first.</summary>
    public bool IsHeld => Instance?.BurnedInAnnotation == true;

    /// <summary>Copies a file from one spool to another: DICOM is de-identified on the way.</summary>
    /// <param name="received">Holds the file from its start.</param>
    /// <param name="length">Of the file, bytes.</param>
    /// <param name="kept">Takes what is kept.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="deidentifier">Of the tenant.</param>
    /// <exception cref="IOException">The disk is full.</exception>
    public static ReceivedFile Take(
        SpoolFile received,
        long length,
        SpoolFile kept,
        long offset,
        Deidentifier deidentifier
    )
    {
        using var source = received.OpenRead(0, length);
        var head = new byte[FileSignature.HeadBytes];
        var extension = FileSignature.Extension(
            head.AsSpan(0, source.ReadAtLeast(head, head.Length, throwOnEndOfStream: false))
        );
        source.Position = 0;
        using var target = kept.OpenWrite(offset);
        DeidentifiedInstance? instance = null;
        try
        {
            switch (extension)
            {
                case FileSignature.Dicom:
                    instance = deidentifier.Copy(source, target);
                    break;
                case FileSignature.Unknown:
                    throw new VolumeException(
                        VolumeFault.UnsupportedFormat,
                        "neither NIfTI nor DICOM by its first bytes: send one of the two"
                    );
                default:
                    source.CopyTo(target, BufferBytes);
                    break;
            }
        }
        catch (VolumeException e)
        {
            return Refused(received, length, kept, offset, extension, e);
        }
        return new(offset, target.Length, target.Sha256(), extension)
        {
            Instance = instance,
            Refusal = instance?.BurnedInAnnotation == true ? Held : null,
        };
    }

    /// <summary>What the manifest says of the file.</summary>
    /// <param name="pseudonymOf">Of the tenant.</param>
    public ReceivedItem Item(Func<string, string> pseudonymOf)
    {
        var series = Instance is null ? null : Pseudonym(Instance.OriginalSeriesInstanceUid);
        return new()
        {
            Name =
                (Instance is null ? "" : $"{Pseudonym(Instance.OriginalSopInstanceUid)}-{series}-")
                + Sha256
                + Extension,
            Bytes = Bytes,
            Sha256 = Sha256,
            SeriesKey = series,
            Refusal = Refusal,
        };

        string Pseudonym(string uid) => pseudonymOf(TenantDirectory.IdentityOfUid(uid));
    }

    /// <summary>Why an instance is held.</summary>
    public static readonly ItemRefusal Held = new(
        RejectionReason.BurnedInAnnotation,
        "the pixels may show who the patient is: look at the held instances and release them, or drop them"
    );

    /// <summary>Only the digest of what was received remains, by which it is known when it comes again.</summary>
    private static ReceivedFile Refused(
        SpoolFile received,
        long length,
        SpoolFile kept,
        long offset,
        string extension,
        VolumeException why
    )
    {
        using var source = received.OpenRead(0, length);
        using var target = kept.OpenWrite(offset);
        source.CopyTo(target, BufferBytes);
        return new(offset, 0, target.Sha256(), extension)
        {
            Refusal = new(RejectionReasons.Of(why.Fault), why.Message),
        };
    }
}
