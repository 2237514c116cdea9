using System.Text;
using Platform.Imaging;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// Puts back who an object made from de-identified instances is about: for the hospital alone. Everything else is copied as it is.
/// </summary>
/// <param name="uidOf">The UID as it was sent, of one in the object; null where it is not a pseudonym.</param>
/// <param name="attributes">
/// Text of the attributes of patient and study as they were sent, by tag (group · 65536 + element); they take the place of those in the object.
/// </param>
public sealed class Reidentifier(
    Func<string, string?> uidOf,
    IReadOnlyDictionary<uint, string> attributes
)
{
    /// <summary>Copies one object in one pass; the streams are left open. Where it throws, the target holds an unfinished copy.</summary>
    /// <param name="source">An object whose text is ASCII or UTF-8, as those of this platform are.</param>
    /// <param name="target">Gets a Part 10 file in UTF-8, as <see cref="Deidentifier.Copy"/> writes it.</param>
    /// <exception cref="VolumeException">UnsupportedFormat (another character set), CorruptData.</exception>
    /// <exception cref="ArgumentException">An attribute that no table names, or that is no text.</exception>
    public void Copy(Stream source, Stream target)
    {
        using var parser = new DicomParser(source);
        using var copier = new InstanceCopier(
            parser,
            new ReidentifyingEditor(uidOf, attributes),
            target
        );
        copier.Copy();
    }
}

/// <summary>What re-identification makes of the elements of one object.</summary>
internal sealed class ReidentifyingEditor : InstanceEditor
{
    private const uint CharacterSet = 0x0008_0005;
    private const uint SopClass = 0x0008_0016;
    private const string Utf8 = "ISO_IR 192";

    private readonly Func<string, string?> _uidOf;
    private readonly HashSet<uint> _replaced;

    public ReidentifyingEditor(
        Func<string, string?> uidOf,
        IReadOnlyDictionary<uint, string> attributes
    )
    {
        _uidOf = uidOf;
        _replaced =
        [
            .. attributes.Keys,
            0x0012_0062, // PatientIdentityRemoved
            0x0012_0063, // DeidentificationMethod
            0x0012_0064, // DeidentificationMethodCodeSequence
            0x0028_0303, // LongitudinalTemporalInformationModified
        ];
        Added =
        [
            .. attributes
                .Append(new(CharacterSet, Utf8))
                .OrderBy(attribute => attribute.Key)
                .Select(attribute =>
                    (
                        attribute.Key,
                        (Action<ElementWriter>)(
                            writer =>
                                writer.Write(
                                    attribute.Key,
                                    TextVr(attribute.Key),
                                    Encoding.UTF8.GetBytes(attribute.Value)
                                )
                        )
                    )
                ),
        ];
    }

    public override uint LastOfHead => DicomTag.SopInstanceUid;

    public override IReadOnlyList<(uint Tag, Action<ElementWriter> Write)> Added { get; }

    public override (Copying How, string Vr) Decide(Element element) =>
        element.Depth == 0 && _replaced.Contains(element.Tag) ? (Copying.Drop, element.Vr)
        : element.Vr == "SQ" ? (Copying.Items, element.Vr)
        : element.Vr == "UI" || element.Tag == CharacterSet ? (Copying.Value, element.Vr)
        : (Copying.Bytes, element.Vr);

    public override byte[]? Edit(Element element, ReadOnlySpan<byte> value)
    {
        var text = Encoding.ASCII.GetString(value).Trim('\0', ' ');
        if (element.Tag == CharacterSet)
        {
            return text is "" or "ISO_IR 6" or Utf8
                ? null
                : throw new VolumeException(
                    VolumeFault.UnsupportedFormat,
                    "the object's text is neither ASCII nor UTF-8: only results of this platform are re-identified"
                );
        }
        var edited = string.Join('\\', text.Split('\\').Select(uid => _uidOf(uid) ?? uid));
        if (element.Depth == 0)
        {
            switch (element.Tag)
            {
                case SopClass:
                    SopClassUid = edited;
                    break;
                case DicomTag.SopInstanceUid:
                    SopInstanceUid = edited;
                    break;
            }
        }
        return Encoding.ASCII.GetBytes(edited);
    }

    private static string TextVr(uint tag) =>
        tag == CharacterSet ? "CS"
        : AttributeRule.Of(tag)?.Vrs[0] is { } vr && ValueRules.IsText(vr) ? vr
        : throw new ArgumentException(
            $"({tag >> 16:X4},{tag & 0xFFFF:X4}) is not an attribute of text",
            nameof(tag)
        );
}
