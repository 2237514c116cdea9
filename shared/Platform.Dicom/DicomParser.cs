using System.Buffers.Binary;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Walks a Part 10 file (PS3.10, PS3.5) element by element: explicit or implicit VR, little-endian. Only the attributes of <see cref="DicomTag"/>
/// are kept, everything else is stepped over, sequences to a limited depth. No length in the file is believed before the bytes are there.
/// </summary>
internal sealed class DicomParser(Stream stream)
{
    private const string ImplicitLittleEndian = "1.2.840.10008.1.2";
    private const string ExplicitLittleEndian = "1.2.840.10008.1.2.1";
    private const uint Undefined = 0xFFFF_FFFF;
    private const int MostDepth = 32;
    private const int MostValueBytes = 1 << 10;

    private readonly byte[] _buffer = new byte[1 << 12];

    /// <summary>Values of the attributes met so far.</summary>
    public Dictionary<uint, byte[]> Values { get; } = [];

    /// <summary>Length of the pixel data in bytes, when the stream stands at its first byte.</summary>
    public long? PixelBytes { get; private set; }

    /// <summary>Reads up to the pixel data, or up to the attribute <paramref name="last"/>.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public void Parse(uint last = uint.MaxValue)
    {
        var start = Take(132);
        if (!DicomFile.Sniff(start))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "not a DICOM file: DICM is missing after the preamble of 128 bytes"
            );
        }
        var inMeta = true;
        var isExplicit = true;
        while (TryReadTag(out var tag))
        {
            if (inMeta && tag >> 16 != 2)
            {
                inMeta = false;
                isExplicit = IsExplicit();
            }
            var (vr, length) = ReadLength(tag, isExplicit);
            if (tag is DicomTag.PixelData or DicomTag.FloatPixelData or DicomTag.DoublePixelData)
            {
                if (tag != DicomTag.PixelData || length == Undefined)
                {
                    throw new VolumeException(
                        VolumeFault.UnsupportedFormat,
                        "the pixel data is encapsulated or of floating point: send uncompressed integer pixels"
                    );
                }
                PixelBytes = length;
                return;
            }
            if (DicomTag.IsRead(tag) && length <= MostValueBytes)
            {
                Values[tag] = Take((int)length).ToArray();
            }
            else
            {
                Step(vr, length, isExplicit, 0);
            }
            if (tag >= last && !inMeta)
            {
                return;
            }
        }
    }

    private bool IsExplicit()
    {
        if (!Values.TryGetValue(DicomTag.TransferSyntaxUid, out var value))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the file meta information has no transfer syntax"
            );
        }
        var uid = Encoding.ASCII.GetString(value).TrimEnd('\0', ' ');
        return uid switch
        {
            ExplicitLittleEndian => true,
            ImplicitLittleEndian => false,
            _ => throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"transfer syntax {Printable(uid)} is not supported: send explicit or implicit VR little endian, uncompressed"
            ),
        };
    }

    /// <summary>Only what a UID may hold is ever repeated in a message.</summary>
    private static string Printable(string uid) =>
        uid.Length <= 64 && uid.All(c => char.IsAsciiDigit(c) || c == '.') ? uid : "(not a UID)";

    private bool TryReadTag(out uint tag)
    {
        tag = 0;
        var got = stream.ReadAtLeast(_buffer.AsSpan(0, 4), 4, throwOnEndOfStream: false);
        if (got == 0)
        {
            return false;
        }
        if (got < 4)
        {
            throw Truncated();
        }
        tag =
            (uint)BinaryPrimitives.ReadUInt16LittleEndian(_buffer) << 16
            | BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(2));
        return true;
    }

    private (string Vr, uint Length) ReadLength(uint tag, bool isExplicit)
    {
        if (!isExplicit || tag >> 16 == 0xFFFE)
        {
            return ("", BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
        }
        var bytes = Take(4);
        if (!char.IsAsciiLetterUpper((char)bytes[0]) || !char.IsAsciiLetterUpper((char)bytes[1]))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"element ({tag >> 16:X4},{tag & 0xFFFF:X4}) has no value representation"
            );
        }
        var vr = Encoding.ASCII.GetString(bytes[..2]);
        return
            vr
                is "OB"
                    or "OD"
                    or "OF"
                    or "OL"
                    or "OV"
                    or "OW"
                    or "SQ"
                    or "SV"
                    or "UC"
                    or "UN"
                    or "UR"
                    or "UT"
                    or "UV"
            ? (vr, BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))
            : (vr, BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]));
    }

    /// <summary>Steps over a value; one of undefined length is a sequence and is walked item by item.</summary>
    private void Step(string vr, uint length, bool isExplicit, int depth)
    {
        if (length != Undefined)
        {
            Skip(length);
            return;
        }
        if (depth == MostDepth)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"sequences are nested deeper than {MostDepth}"
            );
        }
        // An unknown VR of undefined length is a sequence in implicit VR (PS3.5 §6.2.2).
        isExplicit &= vr != "UN";
        while (true)
        {
            var (item, itemLength) = Next(isExplicit: false);
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
            if (itemLength.Length != Undefined)
            {
                Skip(itemLength.Length);
                continue;
            }
            while (true)
            {
                var (tag, inner) = Next(isExplicit);
                if (tag == DicomTag.ItemEnd)
                {
                    break;
                }
                Step(inner.Vr, inner.Length, isExplicit, depth + 1);
            }
        }
    }

    private (uint Tag, (string Vr, uint Length) Length) Next(bool isExplicit)
    {
        if (!TryReadTag(out var tag))
        {
            throw Truncated();
        }
        return (tag, ReadLength(tag, isExplicit));
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var bytes = _buffer.AsSpan(0, count);
        if (stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false) < count)
        {
            throw Truncated();
        }
        return bytes;
    }

    private void Skip(long count)
    {
        if (stream.CanSeek)
        {
            if (count > stream.Length - stream.Position)
            {
                throw Truncated();
            }
            stream.Position += count;
            return;
        }
        while (count > 0)
        {
            var part = (int)Math.Min(count, _buffer.Length);
            Take(part);
            count -= part;
        }
    }

    internal static VolumeException Truncated() =>
        new(VolumeFault.CorruptData, "the DICOM file ends within an element: it is truncated");
}
