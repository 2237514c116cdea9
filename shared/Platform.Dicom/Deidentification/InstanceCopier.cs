using System.Buffers.Binary;
using Platform.Imaging;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// Copies one instance element by element, in one pass, as an editor says. The copy is a Part 10 file in explicit VR little endian, or in the syntax of
/// its encapsulated pixels. No length in the source is believed: what is held are single values of at most 64 KiB, and the head. What comes after the
/// pixel data is not copied.
/// </summary>
internal sealed class InstanceCopier(DicomParser parser, InstanceEditor editor, Stream target)
    : IDisposable
{
    private const int MostHeadBytes = 16 << 20;
    private const int MostValueBytes = 1 << 16;
    private const int PieceBytes = 1 << 12;

    /// <summary>Of an item and the heads around it, without its values.</summary>
    private const int MostItemBytes = 64;

    private readonly LookaheadStream _source = parser.Source;
    private readonly List<(int At, int Length)> _dates = [];
    private readonly byte[] _buffer = new byte[MostValueBytes];
    private MemoryStream? _head = new();
    private ElementWriter _writer = null!;
    private int _added;
    private bool _isSigned;

    /// <summary>Elements that were not copied.</summary>
    public int Dropped { get; private set; }

    /// <summary>Elements whose value representation was not the standard's; those that state none, or an unknown one, are not counted.</summary>
    public int Corrected { get; private set; }

    /// <summary>How the copy is written.</summary>
    public string TransferSyntaxUid =>
        parser.Syntax.Coding == PixelCoding.Native
            ? TransferSyntax.ExplicitLittleEndian.Uid
            : parser.Syntax.Uid;

    /// <summary>Copies everything.</summary>
    /// <exception cref="VolumeException">CorruptData; TooLarge where the head is above 16 MiB.</exception>
    public void Copy()
    {
        _writer = new(_head!);
        uint? last = null;
        while (_source.Peek(1).Length > 0)
        {
            var (tag, vr, length) = parser.ReadHead(parser.Syntax);
            if (tag <= last)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"element {Name(tag)} comes after {Name(last.Value)}: elements must ascend"
                );
            }
            last = tag;
            if (tag > editor.LastOfHead)
            {
                EndHead();
            }
            Add(below: tag);
            if (tag is DicomTag.PixelData or DicomTag.FloatPixelData or DicomTag.DoublePixelData)
            {
                CopyPixels(tag, vr, length);
                return;
            }
            CopyElement(parser.Syntax, tag, vr, length, 0, 0);
        }
        EndHead();
        Add(below: uint.MaxValue);
    }

    /// <inheritdoc/>
    public void Dispose() => _head?.Dispose();

    /// <summary>What was held is written.</summary>
    private void EndHead()
    {
        if (_head is null)
        {
            return;
        }
        editor.EndHead();
        foreach (var (at, length) in _dates)
        {
            editor.CorrectDates(_head.GetBuffer().AsSpan(at, length));
        }
        DicomDataset.WriteMeta(
            target,
            editor.SopClassUid ?? throw Missing("SOPClassUID"),
            editor.SopInstanceUid ?? throw Missing("SOPInstanceUID"),
            TransferSyntaxUid
        );
        _head.WriteTo(target);
        _head.Dispose();
        _head = null;
        _writer = new(target);
    }

    private void Add(uint below)
    {
        for (; _added < editor.Added.Count && editor.Added[_added].Tag < below; _added++)
        {
            editor.Added[_added].Write(_writer);
        }
    }

    private void CopyElement(
        TransferSyntax syntax,
        uint tag,
        string stated,
        uint length,
        int depth,
        uint parent
    )
    {
        if (tag == DicomTag.PixelRepresentation && depth == 0 && length == 2)
        {
            _isSigned = _source.Peek(2).Contains((byte)1);
        }
        var element = new Element(tag, Representation(tag, stated, length), length, depth, parent);
        Corrected += stated is "" or "UN" || stated == element.Vr ? 0 : 1;
        // A group's length is that of the group as it was.
        var (how, vr) = (tag & 0xFFFF) == 0 ? (Copying.Drop, element.Vr) : editor.Decide(element);
        if (
            length == DicomParser.Undefined && how is Copying.Bytes or Copying.Value
            || how == Copying.Value && length > MostValueBytes
            || how == Copying.Bytes && !IsWhole(vr, length)
        )
        {
            how = Copying.Drop;
        }
        // What states no representation, and what is unknown, is in implicit VR little endian (PS3.5 section 6.2.2).
        var inner = stated == "UN" ? TransferSyntax.ImplicitLittleEndian : syntax;
        switch (how)
        {
            case Copying.Items:
                CopySequence(inner, tag, length, depth);
                break;
            case Copying.Value:
                WriteValue(element, vr, editor.Edit(element, ReadValue((int)length)));
                break;
            case Copying.Bytes:
                CopyBytes(tag, vr, length, inner.IsBigEndian);
                break;
            default:
                parser.Step(syntax, stated, length, depth);
                if (how == Copying.Empty)
                {
                    _writer.Write(tag, vr, []);
                }
                else
                {
                    Dropped++;
                }
                break;
        }
    }

    /// <summary>Refuses a head that would be held with so many more bytes.</summary>
    private void RequireHeldFits(uint more)
    {
        if (_head?.Length + more > MostHeadBytes)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"more than {MostHeadBytes} bytes come before the patient's attributes"
            );
        }
    }

    /// <summary>The stated representation where the standard allows it or it is a number of the same kind, decimal or binary; else the standard's.</summary>
    private string Representation(uint tag, string stated, uint length)
    {
        if (stated == "SQ" || length == DicomParser.Undefined)
        {
            return "SQ";
        }
        if (AttributeRule.Of(tag) is { } rule)
        {
            return rule.Vrs.Contains(stated)
                || ValueRules.IsNumber(stated)
                    && ValueRules.IsNumber(rule.Vrs[0])
                    && ValueRules.IsText(stated) == ValueRules.IsText(rule.Vrs[0])
                    ? stated
                : rule.Vrs is ["US", "SS"] && _isSigned ? "SS"
                : rule.Vrs[^1] == "OW" ? "OW"
                : rule.Vrs[0];
        }
        return stated is not ("" or "UN") ? stated
            : length >= 8 && _source.Peek(4) is [0xFE, 0xFF, 0x00, 0xE0] ? "SQ"
            : "UN";
    }

    /// <summary>Whether so many bytes are whole values, and can be written.</summary>
    private static bool IsWhole(string vr, uint length) =>
        length % WordBytes(vr) == 0 && ElementWriter.Fits(vr, length);

    /// <summary>Bytes whose order the byte order of the data set tells.</summary>
    private static uint WordBytes(string vr) =>
        vr switch
        {
            "US" or "SS" or "OW" or "AT" => 2,
            "UL" or "SL" or "FL" or "OL" or "OF" => 4,
            "FD" or "OD" or "OV" or "SV" or "UV" => 8,
            _ => 1,
        };

    private ReadOnlySpan<byte> ReadValue(int length)
    {
        for (var at = 0; at < length; )
        {
            var piece = _source.Take(Math.Min(length - at, PieceBytes));
            piece.CopyTo(_buffer.AsSpan(at));
            at += piece.Length;
        }
        return _buffer.AsSpan(0, length);
    }

    private void WriteValue(Element element, string vr, byte[]? value)
    {
        if (value is null || !ElementWriter.Fits(vr, (uint)value.Length + 1))
        {
            Dropped++;
            return;
        }
        RequireHeldFits((uint)value.Length);
        _writer.Write(element.Tag, vr, value);
        if (_head is not null && vr is "DA" or "DT")
        {
            var padded = value.Length + value.Length % 2;
            _dates.Add(((int)_head!.Length - padded, value.Length));
        }
    }

    private void CopySequence(TransferSyntax syntax, uint tag, uint length, int depth)
    {
        if (depth == DicomParser.MostDepth)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"sequences are nested deeper than {DicomParser.MostDepth}"
            );
        }
        _writer.WriteHead(tag, "SQ", DicomParser.Undefined);
        var end = End(length);
        while (_source.Taken < end)
        {
            var (item, _, itemLength) = parser.ReadHead(syntax);
            if (item == DicomTag.SequenceEnd)
            {
                break;
            }
            if (item != DicomTag.Item)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"a sequence holds {Name(item)} where an item is due"
                );
            }
            RequireHeldFits(MostItemBytes);
            _writer.WriteItem(DicomTag.Item, DicomParser.Undefined);
            editor.BeginItem(depth + 1);
            CopyItem(syntax, itemLength, depth + 1, tag);
            _writer.WriteItem(DicomTag.ItemEnd, 0);
        }
        _writer.WriteItem(DicomTag.SequenceEnd, 0);
    }

    private void CopyItem(TransferSyntax syntax, uint itemLength, int depth, uint parent)
    {
        var end = End(itemLength);
        while (_source.Taken < end)
        {
            var (tag, vr, length) = parser.ReadHead(syntax);
            if (tag == DicomTag.ItemEnd)
            {
                return;
            }
            if (length != DicomParser.Undefined && length > end - _source.Taken)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"element {Name(tag)} is longer than the item it lies in"
                );
            }
            CopyElement(syntax, tag, vr, length, depth, parent);
        }
    }

    private void CopyPixels(uint tag, string stated, uint length)
    {
        var isEncapsulated = length == DicomParser.Undefined;
        if (isEncapsulated != (parser.Syntax.Coding != PixelCoding.Native))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the pixel data are {(isEncapsulated ? "" : "not ")}encapsulated, the transfer syntax is {parser.Syntax.Name}"
            );
        }
        if (!isEncapsulated)
        {
            var native = tag switch
            {
                DicomTag.FloatPixelData => "OF",
                DicomTag.DoublePixelData => "OD",
                _ => stated == "OB" ? "OB" : "OW",
            };
            CopyBytes(tag, native, length, parser.Syntax.IsBigEndian && stated != "UN");
            return;
        }
        _writer.WriteHead(tag, "OB", DicomParser.Undefined);
        while (true)
        {
            var (item, _, itemLength) = parser.ReadHead(parser.Syntax);
            if (item == DicomTag.SequenceEnd)
            {
                _writer.WriteItem(DicomTag.SequenceEnd, 0);
                return;
            }
            if (item != DicomTag.Item || itemLength == DicomParser.Undefined)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"encapsulated pixel data holds {Name(item)} where a fragment of known length is due"
                );
            }
            _writer.WriteItem(DicomTag.Item, itemLength);
            CopyPieces(itemLength, swapped: 1);
        }
    }

    private void CopyBytes(uint tag, string vr, uint length, bool isBigEndian)
    {
        RequireHeldFits(length);
        _writer.WriteHead(tag, vr, length + length % 2);
        CopyPieces(length, isBigEndian ? WordBytes(vr) : 1);
        if (length % 2 == 1)
        {
            Output.WriteByte(0);
        }
    }

    private Stream Output => (Stream?)_head ?? target;

    /// <summary>Copies bytes; those of each word of <paramref name="swapped"/> bytes in turned order.</summary>
    private void CopyPieces(uint length, uint swapped)
    {
        Span<byte> piece = _buffer;
        for (long left = length; left > 0; )
        {
            piece = _buffer.AsSpan(0, (int)Math.Min(left, _buffer.Length));
            if (_source.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false) < piece.Length)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"the file ends {left} bytes or less before an element of {length} bytes does: it is truncated"
                );
            }
            for (var at = 0; swapped > 1 && at + (int)swapped <= piece.Length; at += (int)swapped)
            {
                piece.Slice(at, (int)swapped).Reverse();
            }
            Output.Write(piece);
            left -= piece.Length;
        }
    }

    private long End(uint length) =>
        length == DicomParser.Undefined ? long.MaxValue : _source.Taken + length;

    private static VolumeException Missing(string name) =>
        new(VolumeFault.CorruptData, $"{name} is missing");

    private static string Name(uint tag) => $"({tag >> 16:X4},{tag & 0xFFFF:X4})";
}
