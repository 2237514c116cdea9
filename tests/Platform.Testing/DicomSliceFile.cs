using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Platform.Testing;

/// <summary>A generated single-frame DICOM file: enough to make any regular or broken series. Change a property, then ask for the bytes.</summary>
public sealed record DicomSliceFile
{
    public string TransferSyntax { get; init; } = "1.2.840.10008.1.2.1";
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

    public int SamplesPerPixel { get; init; } = 1;
    public int? NumberOfFrames { get; init; }
    public int BitsAllocated { get; init; } = 16;
    public int BitsStored { get; init; } = 16;
    public bool Signed { get; init; } = true;
    public double? Slope { get; init; }
    public double? Intercept { get; init; }

    /// <summary>Stored pixel values, row by row; null makes zeros.</summary>
    public int[]? Pixels { get; init; }

    /// <summary>Whether a private sequence of undefined length, nested this deep, comes before the image attributes.</summary>
    public int SequenceDepth { get; init; }

    private bool Explicit => TransferSyntax != "1.2.840.10008.1.2";

    /// <summary>The file: preamble, meta information, data set.</summary>
    public byte[] ToBytes()
    {
        var bytes = new List<byte>(new byte[128]);
        bytes.AddRange("DICM"u8);
        Text(bytes, 0x0002_0010, "UI", TransferSyntax, isExplicit: true);
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
        if (PatientName is not null)
        {
            Text(bytes, 0x0010_0010, "PN", PatientName);
        }
        Text(bytes, 0x0020_000D, "UI", StudyInstanceUid);
        Text(bytes, 0x0020_000E, "UI", SeriesInstanceUid);
        Text(bytes, 0x0020_0032, "DS", Join(Position));
        Text(bytes, 0x0020_0037, "DS", Join(Orientation));
        Short(bytes, 0x0028_0002, SamplesPerPixel);
        if (NumberOfFrames is { } frames)
        {
            Text(bytes, 0x0028_0008, "IS", frames.ToString(CultureInfo.InvariantCulture));
        }
        Short(bytes, 0x0028_0010, Rows);
        Short(bytes, 0x0028_0011, Columns);
        Text(bytes, 0x0028_0030, "DS", PixelSpacing);
        Short(bytes, 0x0028_0100, BitsAllocated);
        Short(bytes, 0x0028_0101, BitsStored);
        Short(bytes, 0x0028_0102, BitsStored - 1);
        Short(bytes, 0x0028_0103, Signed ? 1 : 0);
        if (Intercept is { } intercept)
        {
            Text(bytes, 0x0028_1052, "DS", Join(intercept));
        }
        if (Slope is { } slope)
        {
            Text(bytes, 0x0028_1053, "DS", Join(slope));
        }
        var pixels = new byte[Rows * Columns * BitsAllocated / 8];
        for (var n = 0; Pixels is not null && n < Rows * Columns; n++)
        {
            if (BitsAllocated == 8)
            {
                pixels[n] = (byte)Pixels[n];
            }
            else
            {
                BinaryPrimitives.WriteInt16LittleEndian(pixels.AsSpan(2 * n), (short)Pixels[n]);
            }
        }
        Element(bytes, 0x7FE0_0010, "OW", pixels, Explicit);
        return [.. bytes];
    }

    /// <summary>A stream of the file, as a reader of series opens it.</summary>
    public Func<Stream> Opener()
    {
        var bytes = ToBytes();
        return () => new MemoryStream(bytes, writable: false);
    }

    private void Sequence(List<byte> bytes, uint tag, int depth)
    {
        if (depth == 0)
        {
            return;
        }
        Head(bytes, tag, "SQ", uint.MaxValue, Explicit);
        Head(bytes, 0xFFFE_E000, "", uint.MaxValue, false);
        Text(bytes, 0x0009_1002, "LO", "nested");
        Sequence(bytes, 0x0009_1003, depth - 1);
        Head(bytes, 0xFFFE_E00D, "", 0, false);
        Head(bytes, 0xFFFE_E0DD, "", 0, false);
    }

    private static string Join(params double[] values) =>
        string.Join('\\', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));

    private void Short(List<byte> bytes, uint tag, int value)
    {
        var two = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(two, (ushort)value);
        Element(bytes, tag, "US", two, Explicit);
    }

    private void Text(List<byte> bytes, uint tag, string vr, string value, bool? isExplicit = null)
    {
        var padded = value.Length % 2 == 0 ? value : value + (vr == "UI" ? "\0" : " ");
        Element(bytes, tag, vr, Encoding.ASCII.GetBytes(padded), isExplicit ?? Explicit);
    }

    private static void Element(
        List<byte> bytes,
        uint tag,
        string vr,
        byte[] value,
        bool isExplicit
    )
    {
        Head(bytes, tag, vr, (uint)value.Length, isExplicit);
        bytes.AddRange(value);
    }

    private static void Head(List<byte> bytes, uint tag, string vr, uint length, bool isExplicit)
    {
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)tag);
        if (!isExplicit)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], length);
            bytes.AddRange(head[..8]);
            return;
        }
        Encoding.ASCII.GetBytes(vr, head[4..]);
        if (vr is "OW" or "SQ")
        {
            head[6..8].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], length);
            bytes.AddRange(head);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head[6..], (ushort)length);
            bytes.AddRange(head[..8]);
        }
    }
}
