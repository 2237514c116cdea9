using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Platform.Testing;

/// <summary>A generated single-frame DICOM file: enough to make any regular or broken series. Change a property, then ask for the bytes.</summary>
public sealed record DicomSliceFile
{
    public string TransferSyntax { get; init; } = "1.2.840.10008.1.2.1";

    /// <summary>Whether the file has neither preamble nor meta information.</summary>
    public bool IsBare { get; init; }
    public string SopClassUid { get; init; } = "1.2.840.10008.5.1.4.1.1.4";
    public string StudyInstanceUid { get; init; } = "1.2.3";
    public string SeriesInstanceUid { get; init; } = "1.2.3.4";
    public string SopInstanceUid { get; init; } = "1.2.3.4.5";
    public string? Manufacturer { get; init; }
    public string? ManufacturerModelName { get; init; }
    public string? PatientName { get; init; }
    public int Rows { get; init; } = 6;
    public int Columns { get; init; } = 8;
    public string PixelSpacing { get; init; } = "1.5\\1.25";

    /// <summary>Six direction cosines, LPS.</summary>
    public double[] Orientation { get; init; } = [1, 0, 0, 0, 1, 0];

    /// <summary>Centre of the first pixel, LPS mm.</summary>
    public double[] Position { get; init; } = [0, 0, 0];

    /// <summary>Where each frame of an enhanced image lies; null makes a single-frame image. The pixels are then those of all frames.</summary>
    public double[][]? FramePositions { get; init; }

    /// <summary>Slope of each frame of an enhanced image.</summary>
    public double[]? FrameSlopes { get; init; }

    /// <summary>Stack of each frame of an enhanced image.</summary>
    public string[]? FrameStacks { get; init; }

    /// <summary>Whether there are several frames without functional groups, the first placed by the item of a detector.</summary>
    public bool HasFramesInOneStack { get; init; }

    public int SamplesPerPixel { get; init; } = 1;
    public int? NumberOfFrames { get; init; }
    public int BitsAllocated { get; init; } = 16;
    public int BitsStored { get; init; } = 16;
    public int? HighBit { get; init; }
    public bool Signed { get; init; } = true;
    public string PhotometricInterpretation { get; init; } = "MONOCHROME2";
    public int? PixelPaddingValue { get; init; }
    public int? PixelPaddingRangeLimit { get; init; }
    public double? Slope { get; init; }
    public double? Intercept { get; init; }

    /// <summary>Stored pixel values, row by row; null makes zeros.</summary>
    public int[]? Pixels { get; init; }

    /// <summary>Representation of uncompressed pixels; by default OB for 8 bits, OW for 16.</summary>
    public string? PixelRepresentation { get; init; }

    /// <summary>Encapsulated pixel data instead: the offset table, then fragments.</summary>
    public byte[][]? Fragments { get; init; }

    /// <summary>Whether a private sequence of undefined length, nested this deep, comes before the image attributes.</summary>
    public int SequenceDepth { get; init; }

    /// <summary>Further elements of any representation, in any order; text by <see cref="Words"/>. They are written between the others, ascending by group.</summary>
    public IReadOnlyList<(uint Tag, string Vr, byte[] Value)> Elements { get; init; } = [];

    /// <summary>Further attributes of each frame of an enhanced image, each in the functional group named first.</summary>
    public IReadOnlyList<(
        uint Group,
        uint Tag,
        string Vr,
        byte[] Value
    )>[]? FrameElements { get; init; }

    /// <summary>Whether the values are mapped by a table.</summary>
    public bool HasModalityLut { get; init; }

    /// <summary>Zeros in a private element before the identifiers.</summary>
    public int PrivateBytes { get; init; }

    private bool Explicit => TransferSyntax != "1.2.840.10008.1.2";

    private bool BigEndian => TransferSyntax == "1.2.840.10008.1.2.2";

    /// <summary>The file: preamble, meta information, data set.</summary>
    public byte[] ToBytes()
    {
        var dataset = Dataset();
        if (IsBare)
        {
            return dataset;
        }
        var bytes = new List<byte>(new byte[128]);
        bytes.AddRange("DICM"u8);
        var meta = new DicomSliceFile();
        meta.Text(bytes, 0x0002_0010, "UI", TransferSyntax);
        if (TransferSyntax == "1.2.840.10008.1.2.1.99")
        {
            using var deflated = new MemoryStream();
            using (var deflate = new DeflateStream(deflated, CompressionLevel.Optimal))
            {
                deflate.Write(dataset);
            }
            dataset = deflated.ToArray();
        }
        bytes.AddRange(dataset);
        return [.. bytes];
    }

    /// <summary>Text as bytes, of an even length.</summary>
    public static byte[] Words(string text) =>
        Encoding.ASCII.GetBytes(text.Length % 2 == 0 ? text : text + ' ');

    private void Further(List<byte> bytes, uint from, uint to)
    {
        foreach (var (tag, vr, value) in Elements.OrderBy(element => element.Tag))
        {
            if (tag >= from && tag < to)
            {
                Element(bytes, tag, vr, value);
            }
        }
    }

    private byte[] Dataset()
    {
        var bytes = new List<byte>();
        Further(bytes, 0, 0x0008_0018);
        Text(bytes, 0x0008_0016, "UI", SopClassUid);
        Text(bytes, 0x0008_0018, "UI", SopInstanceUid);
        if (Manufacturer is not null)
        {
            Text(bytes, 0x0008_0070, "LO", Manufacturer);
        }
        if (ManufacturerModelName is not null)
        {
            Text(bytes, 0x0008_1090, "LO", ManufacturerModelName);
        }
        Sequence(bytes, 0x0009_1001, SequenceDepth);
        if (PrivateBytes > 0)
        {
            Element(bytes, 0x0009_1010, "OB", new byte[PrivateBytes]);
        }
        if (PatientName is not null)
        {
            Text(bytes, 0x0010_0010, "PN", PatientName);
        }
        Further(bytes, 0x0008_0018, 0x0020_000D);
        Text(bytes, 0x0020_000D, "UI", StudyInstanceUid);
        Text(bytes, 0x0020_000E, "UI", SeriesInstanceUid);
        if (FramePositions is null && !HasFramesInOneStack)
        {
            Place(bytes);
        }
        Further(bytes, 0x0020_000E, 0x0028_0000);
        Short(bytes, 0x0028_0002, SamplesPerPixel);
        Text(bytes, 0x0028_0004, "CS", PhotometricInterpretation);
        if ((NumberOfFrames ?? FramePositions?.Length) is { } frames)
        {
            Text(bytes, 0x0028_0008, "IS", frames.ToString(CultureInfo.InvariantCulture));
        }
        Short(bytes, 0x0028_0010, Rows);
        Short(bytes, 0x0028_0011, Columns);
        if (FramePositions is null)
        {
            Text(bytes, 0x0028_0030, "DS", PixelSpacing);
        }
        Short(bytes, 0x0028_0100, BitsAllocated);
        Short(bytes, 0x0028_0101, BitsStored);
        Short(bytes, 0x0028_0102, HighBit ?? BitsStored - 1);
        Short(bytes, 0x0028_0103, Signed ? 1 : 0);
        if (PixelPaddingValue is { } padding)
        {
            Short(bytes, 0x0028_0120, padding);
        }
        if (PixelPaddingRangeLimit is { } limit)
        {
            Short(bytes, 0x0028_0121, limit);
        }
        if (Intercept is { } intercept)
        {
            Text(bytes, 0x0028_1052, "DS", Join(intercept));
        }
        if (Slope is { } slope)
        {
            Text(bytes, 0x0028_1053, "DS", Join(slope));
        }
        Sequence(bytes, 0x0028_3000, HasModalityLut ? 1 : 0);
        Further(bytes, 0x0028_0000, 0x0054_0022);
        if (HasFramesInOneStack)
        {
            Group(bytes, 0x0054_0022, Place);
        }
        Further(bytes, 0x0054_0022, 0x5200_0000);
        if (FramePositions is not null)
        {
            FunctionalGroups(bytes);
        }
        Further(bytes, 0x5200_0000, uint.MaxValue);
        if (Fragments is not null)
        {
            Head(bytes, 0x7FE0_0010, "OB", uint.MaxValue);
            foreach (var fragment in Fragments)
            {
                Element(bytes, 0xFFFE_E000, "", fragment);
            }
            Head(bytes, 0xFFFE_E0DD, "", 0);
            return [.. bytes];
        }
        var stored = FramePositions?.Length ?? (HasFramesInOneStack ? NumberOfFrames ?? 1 : 1);
        var count = Rows * Columns * stored;
        var pixels = new byte[count * BitsAllocated / 8];
        for (var n = 0; Pixels is not null && n < count; n++)
        {
            if (BitsAllocated == 8)
            {
                pixels[n] = (byte)Pixels[n];
            }
            else
            {
                Write(pixels.AsSpan(2 * n, 2), (ushort)Pixels[n]);
            }
        }
        Element(
            bytes,
            0x7FE0_0010,
            PixelRepresentation ?? (BitsAllocated == 8 ? "OB" : "OW"),
            pixels
        );
        return [.. bytes];
    }

    private void Place(List<byte> bytes)
    {
        Text(bytes, 0x0020_0032, "DS", Join(Position));
        Text(bytes, 0x0020_0037, "DS", Join(Orientation));
    }

    /// <summary>A stream of the file, as a reader of series opens it.</summary>
    public Func<Stream> Opener()
    {
        var bytes = ToBytes();
        return () => new MemoryStream(bytes, writable: false);
    }

    /// <summary>Those of all frames of undefined length, those of each frame of a defined one; a private sequence repeats a position in vain.</summary>
    private void FunctionalGroups(List<byte> bytes)
    {
        var shared = new List<byte>();
        Group(shared, 0x0020_9116, group => Text(group, 0x0020_0037, "DS", Join(Orientation)));
        Group(shared, 0x0028_9110, group => Text(group, 0x0028_0030, "DS", PixelSpacing));
        Head(bytes, 0x5200_9229, "SQ", uint.MaxValue);
        Head(bytes, 0xFFFE_E000, "", uint.MaxValue);
        bytes.AddRange(shared);
        Head(bytes, 0xFFFE_E00D, "", 0);
        Head(bytes, 0xFFFE_E0DD, "", 0);
        var items = new List<byte>();
        foreach (var (n, position) in FramePositions!.Index())
        {
            var item = new List<byte>();
            Group(
                item,
                0x0020_9111,
                group => Text(group, 0x0020_9056, "SH", FrameStacks?[n] ?? "1")
            );
            Group(item, 0x0020_9113, group => Text(group, 0x0020_0032, "DS", Join(position)));
            if (FrameSlopes is not null)
            {
                Group(
                    item,
                    0x0028_9145,
                    group =>
                    {
                        Text(group, 0x0028_1052, "DS", "0");
                        Text(group, 0x0028_1053, "DS", Join(FrameSlopes[n]));
                    }
                );
            }
            foreach (var (group, tag, vr, value) in FrameElements?[n] ?? [])
            {
                Group(item, group, one => Element(one, tag, vr, value));
            }
            Group(item, 0x2005_140F, group => Text(group, 0x0020_0032, "DS", "1\\2\\3"));
            Element(items, 0xFFFE_E000, "", [.. item]);
        }
        Element(bytes, 0x5200_9230, "SQ", [.. items]);
    }

    private void Group(List<byte> bytes, uint tag, Action<List<byte>> write)
    {
        var item = new List<byte>();
        write(item);
        var items = new List<byte>();
        Element(items, 0xFFFE_E000, "", [.. item]);
        Element(bytes, tag, "SQ", [.. items]);
    }

    private void Sequence(List<byte> bytes, uint tag, int depth)
    {
        if (depth == 0)
        {
            return;
        }
        Head(bytes, tag, "SQ", uint.MaxValue);
        Head(bytes, 0xFFFE_E000, "", uint.MaxValue);
        Text(bytes, 0x0009_1002, "LO", "nested");
        Sequence(bytes, 0x0009_1003, depth - 1);
        Head(bytes, 0xFFFE_E00D, "", 0);
        Head(bytes, 0xFFFE_E0DD, "", 0);
    }

    private static string Join(params double[] values) =>
        string.Join('\\', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));

    private void Short(List<byte> bytes, uint tag, int value)
    {
        var two = new byte[2];
        Write(two, (ushort)value);
        Element(bytes, tag, "US", two);
    }

    private void Text(List<byte> bytes, uint tag, string vr, string value)
    {
        var padded = value.Length % 2 == 0 ? value : value + (vr == "UI" ? "\0" : " ");
        Element(bytes, tag, vr, Encoding.ASCII.GetBytes(padded));
    }

    private void Element(List<byte> bytes, uint tag, string vr, byte[] value)
    {
        Head(bytes, tag, vr, (uint)value.Length);
        bytes.AddRange(value);
    }

    private void Head(List<byte> bytes, uint tag, string vr, uint length)
    {
        Span<byte> head = stackalloc byte[12];
        Write(head[..2], (ushort)(tag >> 16));
        Write(head[2..4], (ushort)tag);
        if (!Explicit || vr == "")
        {
            Write(head[4..8], length);
            bytes.AddRange(head[..8]);
            return;
        }
        Encoding.ASCII.GetBytes(vr, head[4..]);
        if (vr is "OB" or "OV" or "OW" or "SQ")
        {
            head[6..8].Clear();
            Write(head[8..], length);
            bytes.AddRange(head);
        }
        else
        {
            Write(head[6..8], (ushort)length);
            bytes.AddRange(head[..8]);
        }
    }

    private void Write(Span<byte> bytes, uint value)
    {
        for (var n = 0; n < bytes.Length; n++)
        {
            bytes[BigEndian ? bytes.Length - 1 - n : n] = (byte)(value >> (8 * n));
        }
    }
}
