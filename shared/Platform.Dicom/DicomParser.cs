using System.Buffers.Binary;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Walks a Part 10 file (PS3.10) or a bare data set (PS3.5) element by element, up to the pixel data. Only the attributes of <see cref="DicomTag"/>
/// are kept, everything else is stepped over, sequences to a limited depth. No length in the file is believed before the bytes are there.
/// </summary>
internal sealed class DicomParser : IDisposable
{
    public const uint Undefined = 0xFFFF_FFFF;
    public const int MostDepth = 32;
    private const int MostValueBytes = 1 << 10;
    private const int MostLongBytes = 1 << 18;
    private const int MostFrames = 1 << 16;

    private readonly InflatedStream? _inflated;
    private readonly DicomAttributes _shared;
    private readonly List<DicomAttributes> _frames = [];

    /// <summary>Starts at the first byte of the data set: the preamble and the meta information have been read. The stream is left open.</summary>
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
        _shared = new DicomAttributes(Syntax.IsBigEndian, Attributes);
        if (Syntax.IsDeflated)
        {
            _inflated = new InflatedStream(Source);
            Source = new LookaheadStream(_inflated);
        }
    }

    /// <summary>Goes on where another stopped, at the pixels of the same bytes; the attributes before them are not read again.</summary>
    /// <param name="stream">Can be sought; left open.</param>
    /// <param name="place">Where the other stopped.</param>
    public DicomParser(Stream stream, PixelPlace place)
    {
        stream.Position = place.Start;
        Source = new LookaheadStream(stream);
        (Syntax, PixelBytes, PixelsAreWords) = (place.Syntax, place.Bytes, place.AreWords);
        Attributes = new DicomAttributes(Syntax.IsBigEndian);
        _shared = new DicomAttributes(Syntax.IsBigEndian, Attributes);
    }

    /// <summary>How the data set is written.</summary>
    public TransferSyntax Syntax { get; }

    /// <summary>Values of the attributes met so far.</summary>
    public DicomAttributes Attributes { get; }

    /// <summary>Attributes of each frame of an enhanced image, and through them those of all frames; none for any other.</summary>
    public IReadOnlyList<DicomAttributes> Frames => _frames;

    /// <summary>What comes after the elements read so far.</summary>
    public LookaheadStream Source { get; }

    /// <summary>Length of the pixel data, which come next, in bytes; <see cref="Undefined"/> where they are encapsulated.</summary>
    public uint PixelBytes { get; private set; }

    /// <summary>Whether the pixel data are words of two bytes, in the byte order of the data set, whatever the bits of a pixel.</summary>
    public bool PixelsAreWords { get; private set; }

    /// <summary>Where the pixels are, once they come next; null where they cannot be gone to: in what is deflated, or a stream that cannot be sought.</summary>
    public PixelPlace? Place { get; private set; }

    /// <summary>Reads up to pixel data that can be decoded.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public void ParseToPixels()
    {
        if (!Parse(DicomTag.PixelData))
        {
            throw new VolumeException(VolumeFault.CorruptData, "the file has no pixel data");
        }
        Syntax.RequireDecoder();
    }

    /// <summary>Reads up to the pixel data, or through the attribute <paramref name="last"/>; whether the pixel data come next.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public bool Parse(uint last)
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
            if (tag == DicomTag.ModalityLutSequence && length > 0)
            {
                throw new VolumeException(
                    VolumeFault.UnsupportedFormat,
                    "a modality LUT maps the values (0028,3000): send the series with a rescale slope and intercept"
                );
            }
            if (tag == DicomTag.PixelData)
            {
                PixelBytes = length;
                PixelsAreWords = vr != "OB";
                Place = Source.Offset is { } start
                    ? new(Syntax, start, PixelBytes, PixelsAreWords)
                    : null;
                return true;
            }
            switch (tag)
            {
                case DicomTag.SharedFunctionalGroups:
                    ReadSequence(Syntax, vr, length, 0, () => _shared);
                    break;
                case DicomTag.PerFrameFunctionalGroups:
                    ReadSequence(Syntax, vr, length, 0, AddFrame);
                    break;
                case DicomTag.DetectorInformation:
                    // The first detector says where the first frame of a tomogram lies.
                    var items = 0;
                    ReadSequence(Syntax, vr, length, 0, () => items++ == 0 ? Attributes : null);
                    break;
                case DicomTag.SiemensHeader or DicomTag.SliceVector when length <= MostLongBytes:
                    Attributes.Set(tag, TakeLong((int)length));
                    break;
                case var _ when DicomTag.IsRead(tag) && length <= MostValueBytes:
                    Attributes.Set(tag, Source.Take((int)length));
                    break;
                default:
                    Step(Syntax, vr, length, 0);
                    break;
            }
            if (tag >= last)
            {
                return false;
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _inflated?.Dispose();

    /// <summary>The meta information is explicit VR little endian whatever comes after it. Where nothing says what does, its first element shows it.</summary>
    private TransferSyntax ReadMeta()
    {
        var meta = TransferSyntax.ExplicitLittleEndian;
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

    /// <summary>Reads the head of an element or item; the value comes next.</summary>
    /// <returns>The tag; the value representation, empty where none is written; the length of the value, bytes, or <see cref="Undefined"/>.</returns>
    /// <exception cref="VolumeException">CorruptData: the stream ends, or no value representation stands where one is due.</exception>
    public (uint Tag, string Vr, uint Length) ReadHead(TransferSyntax syntax)
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

    private DicomAttributes AddFrame()
    {
        if (_frames.Count == MostFrames)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the image has more than {MostFrames} frames"
            );
        }
        _frames.Add(new DicomAttributes(Syntax.IsBigEndian, _shared));
        return _frames[^1];
    }

    /// <summary>Steps over a value; one of undefined length is a sequence and is walked item by item.</summary>
    /// <exception cref="VolumeException">CorruptData: the stream ends, or sequences are nested too deep.</exception>
    public void Step(TransferSyntax syntax, string vr, uint length, int depth)
    {
        if (length == Undefined)
        {
            ReadSequence(syntax, vr, length, depth, () => null);
        }
        else
        {
            Source.Skip(length);
        }
    }

    /// <summary>Walks a sequence item by item.</summary>
    /// <param name="syntax">How it is written.</param>
    /// <param name="vr">SQ, UN or, in implicit VR, nothing.</param>
    /// <param name="length">Bytes, or undefined.</param>
    /// <param name="depth">Sequences around this one.</param>
    /// <param name="begin">Asked at each item for what keeps the attributes of its functional groups; null keeps none.</param>
    private void ReadSequence(
        TransferSyntax syntax,
        string vr,
        uint length,
        int depth,
        Func<DicomAttributes?> begin
    )
    {
        if (depth == MostDepth)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"sequences are nested deeper than {MostDepth}"
            );
        }
        // An unknown VR of undefined length is a sequence in implicit VR little endian (PS3.5 section 6.2.2, note 4).
        var inner = vr == "UN" ? TransferSyntax.ImplicitLittleEndian : syntax;
        var end = End(length);
        while (Source.Taken < end)
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
            var kept = begin();
            if (kept is null && itemLength != Undefined)
            {
                Source.Skip(itemLength);
            }
            else
            {
                ReadItem(inner, End(itemLength), depth, kept);
            }
        }
    }

    /// <summary>Reads an item: of functional groups the sequences, of those the attributes, and those of a sequence within.</summary>
    private void ReadItem(TransferSyntax syntax, long end, int depth, DicomAttributes? kept)
    {
        while (Source.Taken < end)
        {
            var (tag, vr, length) = ReadHead(syntax);
            if (tag == DicomTag.ItemEnd)
            {
                return;
            }
            if (kept is not null && depth < 2 && DicomTag.IsReadGroup(tag))
            {
                var groups = kept;
                ReadSequence(syntax, vr, length, depth + 1, () => groups);
            }
            else if (kept is not null && DicomTag.IsRead(tag) && length <= MostValueBytes)
            {
                kept.Set(tag, Source.Take((int)length));
            }
            else
            {
                Step(syntax, vr, length, depth + 1);
            }
        }
    }

    /// <summary>Takes bytes that may be more than are seen at once; memory grows with what there is.</summary>
    private byte[] TakeLong(int length)
    {
        using var bytes = new MemoryStream();
        for (var left = length; left > 0; )
        {
            var part = Source.Take(Math.Min(left, MostValueBytes));
            bytes.Write(part);
            left -= part.Length;
        }
        return bytes.ToArray();
    }

    private long End(uint length) => length == Undefined ? long.MaxValue : Source.Taken + length;
}

/// <summary>Where the pixel data of an instance lie.</summary>
/// <param name="Syntax">How they are written.</param>
/// <param name="Start">Where their value begins in the stream, bytes.</param>
/// <param name="Bytes">See <see cref="DicomParser.PixelBytes"/>.</param>
/// <param name="AreWords">See <see cref="DicomParser.PixelsAreWords"/>.</param>
internal sealed record PixelPlace(TransferSyntax Syntax, long Start, uint Bytes, bool AreWords);
