using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Platform.Dicom;

/// <summary>
/// Attributes to be written, in explicit VR little endian (PS3.5 section 7.1), ascending by tag whatever the order in which they are added. Text is UTF-8:
/// a data set that holds any but ASCII states ISO_IR 192 as its character set. What is added as a stream is made while it is written, and never held.
/// </summary>
public sealed class DicomDataset
{
    private const string Implementation = "2.25.191403367014736450316870146421467146341";

    /// <summary>Longest value of each representation, characters (PS3.5 table 6.2-1).</summary>
    private static readonly Dictionary<string, int> Longest = new()
    {
        ["CS"] = 16,
        ["DA"] = 8,
        ["DS"] = 16,
        ["DT"] = 26,
        ["IS"] = 12,
        ["LO"] = 64,
        ["LT"] = 10240,
        ["PN"] = 64,
        ["SH"] = 16,
        ["ST"] = 1024,
        ["TM"] = 14,
        ["UI"] = 64,
        ["UC"] = int.MaxValue,
        ["UR"] = int.MaxValue,
        ["UT"] = int.MaxValue,
    };

    /// <summary>The length of a sequence whose end is told by an item of its own.</summary>
    private const uint Undefined = 0xFFFF_FFFF;

    private readonly SortedDictionary<uint, Element> _elements = [];

    /// <summary>Adds text; no value at all makes the attribute empty.</summary>
    /// <param name="tag">Group · 65536 + element.</param>
    /// <param name="vr">Value representation: one of text.</param>
    /// <param name="values">Without backslashes; UT and UC have one.</param>
    /// <exception cref="ArgumentException">A value is longer than its representation allows; the message names the tag, not the value.</exception>
    public DicomDataset Add(uint tag, string vr, params string[] values)
    {
        if (Array.Find(values, value => value.Length > Longest[vr]) is { } wrong)
        {
            throw new ArgumentException(
                $"({tag >> 16:X4},{tag & 0xFFFF:X4}) has a value of {wrong.Length} characters, {vr} allows {Longest[vr]}",
                nameof(values)
            );
        }
        _elements[tag] = Element.Of(vr, string.Join('\\', values));
        return this;
    }

    /// <summary>Whether a representation of text allows a value of this length.</summary>
    public static bool Fits(string vr, string value) => value.Length <= Longest[vr];

    /// <summary>Adds decimal numbers (DS), each with as many digits as its 16 characters hold: ten or more.</summary>
    public DicomDataset AddDecimals(uint tag, params double[] values) =>
        Add(tag, "DS", [.. values.Select(Decimal)]);

    /// <summary>Adds binary numbers.</summary>
    /// <param name="tag">Group · 65536 + element.</param>
    /// <param name="vr">US, UL, or AT, whose values are tags.</param>
    /// <param name="values">Of US, at most 65535.</param>
    public DicomDataset AddNumbers(uint tag, string vr, params uint[] values)
    {
        var size = vr == "US" ? 2 : 4;
        var bytes = new byte[values.Length * size];
        foreach (var (n, value) in values.Index())
        {
            var at = bytes.AsSpan(n * size);
            switch (vr)
            {
                case "US":
                    BinaryPrimitives.WriteUInt16LittleEndian(at, checked((ushort)value));
                    break;
                case "AT":
                    WriteTag(at, value);
                    break;
                default:
                    BinaryPrimitives.WriteUInt32LittleEndian(at, value);
                    break;
            }
        }
        _elements[tag] = Element.Of(vr, bytes);
        return this;
    }

    /// <summary>Adds a sequence; no item at all makes it empty.</summary>
    public DicomDataset Add(uint tag, params DicomDataset[] items)
    {
        using var value = new MemoryStream();
        foreach (var item in items)
        {
            WriteItem(value, item);
        }
        _elements[tag] = Element.Of("SQ", value.ToArray()) with { Items = items };
        return this;
    }

    /// <summary>Adds a sequence of undefined length, whose items are made one by one as they are written.</summary>
    public DicomDataset AddStreamed(uint tag, IEnumerable<DicomDataset> items)
    {
        _elements[tag] = new(
            "SQ",
            Undefined,
            stream =>
            {
                foreach (var item in items)
                {
                    WriteItem(stream, item);
                }
                Write(stream, DicomTag.SequenceEnd, 0);
            }
        )
        {
            Items = items,
        };
        return this;
    }

    /// <summary>Adds pixels of 16 bits (OW), little endian.</summary>
    public DicomDataset AddPixels(ReadOnlySpan<short> values)
    {
        var bytes = new byte[values.Length * 2];
        for (var n = 0; n < values.Length; n++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(n * 2), values[n]);
        }
        _elements[DicomTag.PixelData] = Element.Of("OW", bytes);
        return this;
    }

    /// <summary>Adds bytes (OB) that are made as they are written.</summary>
    /// <param name="tag">Group · 65536 + element.</param>
    /// <param name="length">Bytes; even. <see cref="DicomParser.Undefined"/> where they are encapsulated.</param>
    /// <param name="write">Writes exactly <paramref name="length"/> bytes, or fragments and their end.</param>
    public DicomDataset AddStreamed(uint tag, uint length, Action<Stream> write)
    {
        _elements[tag] = new("OB", length, write);
        return this;
    }

    internal void AddAll(DicomDataset other)
    {
        foreach (var (tag, element) in other._elements)
        {
            _elements[tag] = element;
        }
    }

    /// <summary>The longest of the number's decimal texts that has at most 16 characters.</summary>
    private static string Decimal(double value)
    {
        // Ten digits, a sign, a point and four of zeros or exponent make 16. Adding 0 makes -0 a 0.
        for (var digits = 16; ; digits--)
        {
            var text = (value + 0.0).ToString($"G{digits}", CultureInfo.InvariantCulture);
            if (text.Length <= Longest["DS"] || digits == 10)
            {
                return text;
            }
        }
    }

    /// <summary>Writes a Part 10 file: preamble, meta information, data set (PS3.10 section 7).</summary>
    /// <exception cref="InvalidOperationException">The data set has no SOP class or instance.</exception>
    public void WriteFile(Stream stream) =>
        WriteFile(stream, TransferSyntax.ExplicitLittleEndian.Uid);

    /// <param name="stream">Where to.</param>
    /// <param name="transferSyntax">Of the pixel data; everything else is in explicit VR little endian.</param>
    internal void WriteFile(Stream stream, string transferSyntax)
    {
        if (
            !_elements.TryGetValue(0x0008_0016, out var sopClass)
            || !_elements.TryGetValue(DicomTag.SopInstanceUid, out var instance)
        )
        {
            throw new InvalidOperationException("a file has a SOP class and a SOP instance");
        }
        WriteMeta(stream, sopClass, instance, transferSyntax);
        WriteElements(stream);
    }

    /// <summary>Writes what a Part 10 file begins with: a preamble of zeros, and meta information.</summary>
    internal static void WriteMeta(
        Stream stream,
        string sopClass,
        string instance,
        string transferSyntax
    ) => WriteMeta(stream, Element.Of("UI", sopClass), Element.Of("UI", instance), transferSyntax);

    private static void WriteMeta(
        Stream stream,
        Element sopClass,
        Element instance,
        string transferSyntax
    )
    {
        var meta = new DicomDataset()
            .Add(DicomTag.TransferSyntaxUid, "UI", transferSyntax)
            .Add(0x0002_0012, "UI", Implementation);
        meta._elements[0x0002_0001] = Element.Of("OB", [0, 1]);
        meta._elements[0x0002_0002] = sopClass;
        meta._elements[0x0002_0003] = instance;
        using var group = new MemoryStream();
        meta.WriteElements(group);
        var length = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)group.Length);
        stream.Write(new byte[128]);
        stream.Write("DICM"u8);
        WriteElement(stream, 0x0002_0000, Element.Of("UL", length));
        group.WriteTo(stream);
    }

    /// <summary>Writes the data set in the DICOM JSON model (PS3.18 annex F), without its bulk data.</summary>
    /// <param name="json">Gets one object.</param>
    /// <param name="include">Which attributes; null for all.</param>
    public void WriteJson(Utf8JsonWriter json, Func<uint, bool>? include = null)
    {
        json.WriteStartObject();
        foreach (var (tag, element) in _elements)
        {
            if (element.Vr is not ("OB" or "OW") && include?.Invoke(tag) != false)
            {
                json.WriteStartObject(tag.ToString("X8", CultureInfo.InvariantCulture));
                json.WriteString("vr", element.Vr);
                if (element.Length > 0)
                {
                    json.WriteStartArray("Value");
                    element.WriteJson(json);
                    json.WriteEndArray();
                }
                json.WriteEndObject();
            }
        }
        json.WriteEndObject();
    }

    private void WriteElements(Stream stream)
    {
        foreach (var (tag, element) in _elements)
        {
            WriteElement(stream, tag, element);
        }
    }

    private static void WriteItem(Stream stream, DicomDataset item)
    {
        using var content = new MemoryStream();
        item.WriteElements(content);
        Write(stream, DicomTag.Item, (uint)content.Length);
        content.WriteTo(stream);
    }

    private static void WriteElement(Stream stream, uint tag, Element element)
    {
        Span<byte> head = stackalloc byte[12];
        WriteTag(head, tag);
        Encoding.ASCII.GetBytes(element.Vr, head[4..]);
        if (element.Vr is "SQ" or "OB" or "OW" or "UT" or "UC" or "UR" or "UR")
        {
            head[6..8].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], element.Length);
            stream.Write(head);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head[6..], checked((ushort)element.Length));
            stream.Write(head[..8]);
        }
        element.Write(stream);
    }

    internal static void Write(Stream stream, uint tag, uint length)
    {
        Span<byte> head = stackalloc byte[8];
        WriteTag(head, tag);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], length);
        stream.Write(head);
    }

    private static void WriteTag(Span<byte> bytes, uint tag)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], (ushort)tag);
    }

    private readonly record struct Element(string Vr, uint Length, Action<Stream> Write)
    {
        /// <summary>Of a sequence.</summary>
        public IEnumerable<DicomDataset>? Items { get; init; }

        public static Element Of(string vr, byte[] value) =>
            new(vr, (uint)value.Length, stream => stream.Write(value));

        public static Element Of(string vr, string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            return Of(
                vr,
                bytes.Length % 2 == 0 ? bytes : [.. bytes, vr == "UI" ? (byte)0 : (byte)' ']
            );
        }

        public void WriteJson(Utf8JsonWriter json)
        {
            foreach (var item in Items ?? [])
            {
                item.WriteJson(json);
            }
            if (Vr == "SQ")
            {
                return;
            }
            using var stream = new MemoryStream();
            Write(stream);
            var bytes = stream.GetBuffer().AsSpan(0, (int)stream.Length);
            if (Vr is "US" or "UL" or "AT")
            {
                WriteNumbers(json, bytes);
                return;
            }
            var text = Encoding.UTF8.GetString(bytes).TrimEnd(' ', '\0');
            foreach (var value in Vr is "UT" or "ST" or "LT" or "UR" ? [text] : text.Split('\\'))
            {
                switch (Vr)
                {
                    case "DS" or "IS":
                        json.WriteRawValue(Number(value));
                        break;
                    case "PN":
                        json.WriteStartObject();
                        json.WriteString("Alphabetic", value);
                        json.WriteEndObject();
                        break;
                    default:
                        json.WriteStringValue(value);
                        break;
                }
            }
        }

        private void WriteNumbers(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
        {
            for (var at = bytes; at.Length > 0; at = at[(Vr == "US" ? 2 : 4)..])
            {
                switch (Vr)
                {
                    case "US":
                        json.WriteNumberValue(BinaryPrimitives.ReadUInt16LittleEndian(at));
                        break;
                    case "UL":
                        json.WriteNumberValue(BinaryPrimitives.ReadUInt32LittleEndian(at));
                        break;
                    default:
                        json.WriteStringValue(
                            $"{BinaryPrimitives.ReadUInt16LittleEndian(at):X4}{BinaryPrimitives.ReadUInt16LittleEndian(at[2..]):X4}"
                        );
                        break;
                }
            }
        }

        /// <summary>What the data set holds was written by <see cref="AddDecimals"/> or as a whole number.</summary>
        private static string Number(string text) =>
            double.Parse(text, CultureInfo.InvariantCulture)
                .ToString("R", CultureInfo.InvariantCulture);
    }
}
