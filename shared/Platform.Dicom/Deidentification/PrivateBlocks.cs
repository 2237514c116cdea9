using System.Text;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// Which creator reserved which block of private elements (PS3.5 section 7.8), at each depth, and which elements of it are safe. What is on no list, and a
/// private sequence, is dropped.
/// </summary>
internal sealed class PrivateBlocks(IReadOnlyList<PrivateElement> safe)
{
    private const int MostCreatorBytes = 64;

    private readonly Dictionary<uint, string>?[] _creators = new Dictionary<uint, string>?[
        DicomParser.MostDepth + 1
    ];

    /// <summary>Whether the element reserves a block.</summary>
    public static bool IsCreator(uint tag) => (tag & 0xFFFF) is >= 0x10 and <= 0xFF;

    /// <summary>An item begins: what was reserved at its depth is reserved no more.</summary>
    public void BeginItem(int depth) => _creators[depth] = null;

    /// <summary>How a private element is copied, and under which representation.</summary>
    public (Copying How, string Vr) Decide(Element element)
    {
        if (IsCreator(element.Tag))
        {
            return element.Vr is "LO" or "UN" && element.Length <= MostCreatorBytes
                ? (Copying.Value, "LO")
                : (Copying.Drop, "LO");
        }
        var block = element.Tag & 0xFFFF_0000 | (element.Tag & 0xFF00) >> 8;
        if (
            element.Vr == "SQ"
            || _creators[element.Depth]?.GetValueOrDefault(block) is not { } creator
            || safe.FirstOrDefault(e =>
                e.Creator == creator
                && e.Group == element.Tag >> 16
                && e.Element == (element.Tag & 0xFF)
            )
                is not { } known
        )
        {
            return (Copying.Drop, element.Vr);
        }
        var vr = ValueRules.IsNumber(element.Vr) ? element.Vr : known.Vr;
        return (
            ValueRules.IsText(vr) || vr == SiemensHeader.Vr ? Copying.Value : Copying.Bytes,
            vr
        );
    }

    /// <summary>Notes who reserves the block; null where nothing in it is safe.</summary>
    public byte[]? Creator(Element element, ReadOnlySpan<byte> value)
    {
        var creator = Encoding.ASCII.GetString(value).Trim('\0', ' ');
        var block = element.Tag & 0xFFFF_00FF;
        if (!safe.Any(e => e.Creator == creator && e.Group == element.Tag >> 16))
        {
            _creators[element.Depth]?.Remove(block);
            return null;
        }
        (_creators[element.Depth] ??= [])[block] = creator;
        return Encoding.ASCII.GetBytes(creator);
    }
}
