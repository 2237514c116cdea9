using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Platform.Testing;

/// <summary>One element of a generated data set, of whatever value, in whatever syntax.</summary>
/// <param name="Tag">Group · 65536 + element.</param>
/// <param name="Vr">Value representation.</param>
/// <param name="Value">Its bytes; of numbers in little endian.</param>
public sealed record DicomElement(uint Tag, string Vr, byte[] Value)
{
    /// <summary>Representations whose values are characters (PS3.5 section 6.2).</summary>
    public static readonly string[] TextRepresentations =
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ];

    private const uint Undefined = uint.MaxValue;

    /// <summary>Items of a sequence.</summary>
    public IReadOnlyList<DicomElement[]>? Items { get; init; }

    /// <summary>Whether sequence and items tell their ends by delimiters instead of lengths.</summary>
    public bool IsDelimited { get; init; }

    /// <summary>Text, padded.</summary>
    public static DicomElement Text(uint tag, string vr, string text) =>
        new(
            tag,
            vr,
            Encoding.Latin1.GetBytes(text.Length % 2 == 0 ? text : text + (vr == "UI" ? '\0' : ' '))
        );

    /// <summary>A US.</summary>
    public static DicomElement Short(uint tag, int value) =>
        new(tag, "US", [(byte)value, (byte)(value >> 8)]);

    /// <summary>A sequence.</summary>
    public static DicomElement Sequence(uint tag, params DicomElement[][] items) =>
        new(tag, "SQ", []) { Items = items };

    /// <summary>A Part 10 file of these elements, in the order of their tags.</summary>
    public static byte[] File(string transferSyntax, IEnumerable<DicomElement> elements)
    {
        var file = new List<byte>(new byte[128]);
        file.AddRange("DICM"u8);
        Text(0x0002_0010, "UI", transferSyntax).Write(file, isExplicit: true, isBigEndian: false);
        var dataset = new List<byte>();
        foreach (var element in elements.OrderBy(element => element.Tag))
        {
            element.Write(
                dataset,
                transferSyntax != "1.2.840.10008.1.2",
                transferSyntax == "1.2.840.10008.1.2.2"
            );
        }
        if (transferSyntax == "1.2.840.10008.1.2.1.99")
        {
            using var deflated = new MemoryStream();
            using (var deflate = new DeflateStream(deflated, CompressionLevel.Optimal))
            {
                deflate.Write([.. dataset]);
            }
            return [.. file, .. deflated.ToArray()];
        }
        return [.. file, .. dataset];
    }

    private void Write(List<byte> bytes, bool isExplicit, bool isBigEndian)
    {
        if (Items is null)
        {
            WriteHead(bytes, isExplicit, isBigEndian, Tag, Vr, (uint)Value.Length);
            bytes.AddRange(isBigEndian ? Swapped() : Value);
            return;
        }
        var content = new List<byte>();
        foreach (var item in Items)
        {
            var elements = new List<byte>();
            foreach (var element in item.OrderBy(element => element.Tag))
            {
                element.Write(elements, isExplicit, isBigEndian);
            }
            WriteHead(
                content,
                isExplicit,
                isBigEndian,
                0xFFFE_E000,
                "",
                IsDelimited ? Undefined : (uint)elements.Count
            );
            content.AddRange(elements);
            if (IsDelimited)
            {
                WriteHead(content, isExplicit, isBigEndian, 0xFFFE_E00D, "", 0);
            }
        }
        WriteHead(
            bytes,
            isExplicit,
            isBigEndian,
            Tag,
            "SQ",
            IsDelimited ? Undefined : (uint)content.Count
        );
        bytes.AddRange(content);
        if (IsDelimited)
        {
            WriteHead(bytes, isExplicit, isBigEndian, 0xFFFE_E0DD, "", 0);
        }
    }

    private byte[] Swapped()
    {
        var size = Vr switch
        {
            "US" or "SS" or "OW" or "AT" => 2,
            "UL" or "SL" or "FL" or "OF" or "OL" => 4,
            "FD" or "OD" or "OV" => 8,
            _ => 1,
        };
        return [.. Value.Chunk(size).SelectMany(word => word.Reverse())];
    }

    private static void WriteHead(
        List<byte> bytes,
        bool isExplicit,
        bool isBigEndian,
        uint tag,
        string vr,
        uint length
    )
    {
        Add(tag >> 16, 2);
        Add(tag & 0xFFFF, 2);
        if (!isExplicit || vr.Length == 0)
        {
            Add(length, 4);
            return;
        }
        bytes.AddRange(Encoding.ASCII.GetBytes(vr));
        var isLong =
            vr
            is "OB"
                or "OW"
                or "OF"
                or "OD"
                or "OL"
                or "OV"
                or "SQ"
                or "UC"
                or "UN"
                or "UR"
                or "UT"
                or "SV"
                or "UV";
        if (isLong)
        {
            bytes.AddRange([0, 0]);
        }
        Add(length, isLong ? 4 : 2);

        void Add(uint value, int size)
        {
            var four = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(four, value);
            bytes.AddRange(isBigEndian ? four[..size].Reverse() : four[..size]);
        }
    }
}
