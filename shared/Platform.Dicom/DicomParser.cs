using System.Buffers.Binary;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Walks a Part 10 file (PS3.10) or a bare data set (PS3.5) element by element, up to the pixel data. Only the attributes of <see cref="DicomTag"/>
/// are kept, everything else is stepped over, sequences to a limited depth. No length in the file is believed before the bytes are there.
/// </summary>
internal sealed class DicomParser
{
    public const uint Undefined = 0xFFFF_FFFF;
    private const int MostDepth = 32;
    private const int MostValueBytes = 1 << 10;

    /// <summary>Starts at the first byte of the data set: the preamble and the meta information have been read.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public DicomParser(Stream stream)
    {
        Source = new LookaheadStream(stream);
        var start = Source.Peek(DicomFile.SniffBytes);
        if (!DicomFile.Sniff(start))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "not a DICOM file: neither DICM after a preamble of 128 bytes nor a data set"
            );
        }
        if (DicomFile.HasPreamble(start))
        {
            Source.Skip(DicomFile.SniffBytes);
        }
        Syntax = ReadMeta();
        Attributes = new DicomAttributes(Syntax.IsBigEndian);
        if (Syntax.IsDeflated)
        {
            Source = new LookaheadStream(new InflatedStream(Source));
        }
    }

    /// <summary>How the data set is written.</summary>
    public TransferSyntax Syntax { get; }

    /// <summary>Values of the attributes met so far.</summary>
    public DicomAttributes Attributes { get; }

    /// <summary>What comes after the elements read so far.</summary>
    public LookaheadStream Source { get; }

    /// <summary>Length of the pixel data in bytes where it comes next, <see cref="Undefined"/> where it is encapsulated; null where there is none.</summary>
    public uint? PixelBytes { get; private set; }

    /// <summary>Whether the pixel data are words of two bytes, in the byte order of the data set, whatever the bits of a pixel.</summary>
    public bool PixelsAreWords { get; private set; }

    /// <summary>Reads up to the pixel data, or up to the attribute <paramref name="last"/>.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public void Parse(uint last = uint.MaxValue)
    {
        while (Source.Peek(1).Length > 0)
        {
            var (tag, vr, length) = ReadHead(Syntax);
            if (tag is DicomTag.FloatPixelData or DicomTag.DoublePixelData)
            {
                throw new VolumeException(
                    VolumeFault.UnsupportedFormat,
                    "the pixels are of floating point: send whole numbers of 8 or 16 bits"
                );
            }
            if (tag == DicomTag.PixelData)
            {
                PixelBytes = length;
                PixelsAreWords = vr != "OB";
                return;
            }
            if (DicomTag.IsRead(tag) && length <= MostValueBytes)
            {
                Attributes.Set(tag, Source.Take((int)length));
            }
            else
            {
                Step(Syntax, vr, length, 0);
            }
            if (tag >= last)
            {
                return;
            }
        }
    }

    /// <summary>The meta information is explicit VR little endian whatever comes after it. Where nothing says what does, its first element shows it.</summary>
    private TransferSyntax ReadMeta()
    {
        var meta = TransferSyntax.Of("1.2.840.10008.1.2.1");
        var values = new DicomAttributes(isBigEndian: false);
        while (Source.Peek(2) is [2, 0])
        {
            var (tag, vr, length) = ReadHead(meta);
            if (tag == DicomTag.TransferSyntaxUid && length <= MostValueBytes)
            {
                values.Set(tag, Source.Take((int)length));
            }
            else
            {
                Step(meta, vr, length, 0);
            }
        }
        return values.Has(DicomTag.TransferSyntaxUid)
            ? TransferSyntax.Of(values.Text(DicomTag.TransferSyntaxUid))
            : TransferSyntax.Guess(Source.Peek(8))
                ?? throw new VolumeException(
                    VolumeFault.CorruptData,
                    "the file states no transfer syntax, and no data set starts after its meta information"
                );
    }

    private (uint Tag, string Vr, uint Length) ReadHead(TransferSyntax syntax)
    {
        var bytes = Source.Take(8);
        var (group, element) = syntax.IsBigEndian
            ? (
                BinaryPrimitives.ReadUInt16BigEndian(bytes),
                BinaryPrimitives.ReadUInt16BigEndian(bytes[2..])
            )
            : (
                BinaryPrimitives.ReadUInt16LittleEndian(bytes),
                BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..])
            );
        var tag = (uint)group << 16 | element;
        if (!syntax.IsExplicit || group == 0xFFFE)
        {
            return (tag, "", Length(bytes[4..]));
        }
        if (!char.IsAsciiLetterUpper((char)bytes[4]) || !char.IsAsciiLetterUpper((char)bytes[5]))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"element ({group:X4},{element:X4}) has no value representation"
            );
        }
        var vr = Encoding.ASCII.GetString(bytes[4..6]);
        return TransferSyntax.HasShortLength(vr)
            ? (tag, vr, Length(bytes[6..]))
            : (tag, vr, Length(Source.Take(4)));

        uint Length(ReadOnlySpan<byte> length) =>
            (length.Length, syntax.IsBigEndian) switch
            {
                (2, true) => BinaryPrimitives.ReadUInt16BigEndian(length),
                (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(length),
                (_, true) => BinaryPrimitives.ReadUInt32BigEndian(length),
                (_, false) => BinaryPrimitives.ReadUInt32LittleEndian(length),
            };
    }

    /// <summary>Steps over a value; one of undefined length is a sequence and is walked item by item.</summary>
    private void Step(TransferSyntax syntax, string vr, uint length, int depth)
    {
        if (length != Undefined)
        {
            Source.Skip(length);
            return;
        }
        if (depth == MostDepth)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"sequences are nested deeper than {MostDepth}"
            );
        }
        // An unknown VR of undefined length is a sequence in implicit VR little endian (PS3.5 section 6.2.2, note 4).
        var inner = vr == "UN" ? TransferSyntax.ImplicitLittleEndian : syntax;
        while (true)
        {
            var (item, _, itemLength) = ReadHead(inner);
            if (item == DicomTag.SequenceEnd)
            {
                return;
            }
            if (item != DicomTag.Item)
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"a sequence holds ({item >> 16:X4},{item & 0xFFFF:X4}) where an item is due"
                );
            }
            if (itemLength != Undefined)
            {
                Source.Skip(itemLength);
                continue;
            }
            while (true)
            {
                var (tag, nestedVr, nestedLength) = ReadHead(inner);
                if (tag == DicomTag.ItemEnd)
                {
                    break;
                }
                Step(inner, nestedVr, nestedLength, depth + 1);
            }
        }
    }
}
