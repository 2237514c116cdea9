using Platform.Imaging;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// De-identifies instances by the Basic Application Level Confidentiality Profile (PS3.15 annex E) and the options of a policy. What the profile does not
/// name is kept only where it is a number or known to name nobody. The same instance gives the same bytes.
/// </summary>
/// <param name="policy">What a site chooses.</param>
/// <param name="pseudonymOf">
/// The pseudonym of an identity: 32 lower-case hexadecimal digits, keyed by a secret, so that nobody without it can find or test an identity. It is asked
/// for "dicom:" and a UID, "patient:" and "shift:" with issuer, line feed and patient id, "device:" and a name.
/// </param>
public sealed class Deidentifier(DeidentificationPolicy policy, Func<string, string> pseudonymOf)
{
    /// <summary>
    /// Copies one instance, element by element, in one pass. Pixel data are copied in bounded buffers; the streams are left open. Where it throws, the
    /// target holds an unfinished copy that must be thrown away.
    /// </summary>
    /// <param name="source">
    /// A Part 10 file or a bare data set, of any syntax that <see cref="DicomFile"/> reads. Where it can be sought, elements that do not ascend are put in
    /// order, and of those that repeat the first counts.
    /// </param>
    /// <param name="target">
    /// Gets a Part 10 file, in explicit VR little endian or in the syntax of its encapsulated pixels, without anything after the pixel data.
    /// </param>
    /// <exception cref="VolumeException">
    /// UnsupportedFormat, CorruptData (truncated, elements out of order in a stream that cannot be sought, no study, series, class or instance), TooLarge.
    /// </exception>
    public DeidentifiedInstance Copy(Stream source, Stream target)
    {
        var (ordered, repeated) = ElementOrder.Of(source);
        using var parser = new DicomParser(ordered);
        var editor = new DeidentifyingEditor(policy, pseudonymOf);
        using var copier = new InstanceCopier(parser, editor, target);
        copier.Copy();
        return editor.Result(copier.TransferSyntaxUid, copier.Dropped) with
        {
            RepeatedElements = repeated,
            CorrectedElements = copier.Corrected + (ordered == source ? 0 : 1),
        };
    }
}
