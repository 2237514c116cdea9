using System.Buffers.Binary;
using System.Text;

namespace Platform.Dicom;

/// <summary>
/// Attributes to be written, in explicit VR little endian (PS3.5 section 7.1), ascending by tag whatever the order in which they are added. Text is UTF-8:
/// a data set that holds any but ASCII states ISO_IR 192 as its character set.
/// </summary>
public sealed class DicomDataset
{
    private const string ExplicitLittleEndian = "1.2.840.10008.1.2.1";
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
        ["PN"] = 64,
        ["SH"] = 16,
        ["ST"] = 1024,
        ["TM"] = 14,
        ["UI"] = 64,
        ["UC"] = int.MaxValue,
        ["UT"] = int.MaxValue,
    };

    private readonly SortedDictionary<uint, (string Vr, byte[] Value)> _elements = [];

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
        var bytes = Encoding.UTF8.GetBytes(string.Join('\\', values));
        if (bytes.Length % 2 == 1)
        {
            bytes = [.. bytes, vr == "UI" ? (byte)0 : (byte)' '];
        }
        _elements[tag] = (vr, bytes);
        return this;
    }

    /// <summary>Adds a sequence; no item at all makes it empty.</summary>
    public DicomDataset Add(uint tag, params DicomDataset[] items)
    {
        using var value = new MemoryStream();
        foreach (var item in items)
        {
            using var content = new MemoryStream();
            item.WriteElements(content);
            Write(value, DicomTag.Item, (uint)content.Length);
            content.WriteTo(value);
        }
        _elements[tag] = ("SQ", value.ToArray());
        return this;
    }

    internal void AddAll(DicomDataset other)
    {
        foreach (var (tag, element) in other._elements)
        {
            _elements[tag] = element;
        }
    }

    /// <summary>Writes a Part 10 file: preamble, meta information, data set (PS3.10 section 7).</summary>
    /// <exception cref="InvalidOperationException">The data set has no SOP class or instance.</exception>
    public void WriteFile(Stream stream)
    {
        if (
            !_elements.TryGetValue(0x0008_0016, out var sopClass)
            || !_elements.TryGetValue(DicomTag.SopInstanceUid, out var instance)
        )
        {
            throw new InvalidOperationException("a file has a SOP class and a SOP instance");
        }
        var meta = new DicomDataset()
            .Add(DicomTag.TransferSyntaxUid, "UI", ExplicitLittleEndian)
            .Add(0x0002_0012, "UI", Implementation);
        meta._elements[0x0002_0001] = ("OB", [0, 1]);
        meta._elements[0x0002_0002] = ("UI", sopClass.Value);
        meta._elements[0x0002_0003] = ("UI", instance.Value);
        using var group = new MemoryStream();
        meta.WriteElements(group);
        var length = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)group.Length);
        stream.Write(new byte[128]);
        stream.Write("DICM"u8);
        WriteElement(stream, 0x0002_0000, "UL", length);
        group.WriteTo(stream);
        WriteElements(stream);
    }

    private void WriteElements(Stream stream)
    {
        foreach (var (tag, (vr, value)) in _elements)
        {
            WriteElement(stream, tag, vr, value);
        }
    }

    private static void WriteElement(Stream stream, uint tag, string vr, byte[] value)
    {
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)tag);
        Encoding.ASCII.GetBytes(vr, head[4..]);
        if (vr is "SQ" or "OB" or "UT" or "UC")
        {
            head[6..8].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], (uint)value.Length);
            stream.Write(head);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head[6..], checked((ushort)value.Length));
            stream.Write(head[..8]);
        }
        stream.Write(value);
    }

    private static void Write(Stream stream, uint tag, uint length)
    {
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)tag);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], length);
        stream.Write(head);
    }
}
