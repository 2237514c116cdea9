using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Platform.Benchmarks;

/// <summary>One generated instance: a Part 10 file in explicit VR little endian, as its attributes up to the pixel data and its pixels.</summary>
readonly record struct PhantomInstance(byte[] Attributes, byte[] Pixels)
{
    public int Length => Attributes.Length + Pixels.Length;

    public void WriteTo(Stream stream)
    {
        stream.Write(Attributes);
        stream.Write(Pixels);
    }
}

/// <summary>Generated series of single frames of 16 bits, with the attributes a scanner sends: a noisy disc in air.</summary>
/// <param name="name">For the table.</param>
/// <param name="modality">CT or MR.</param>
/// <param name="sopClassUid">Of the modality's image storage.</param>
/// <param name="size">Rows, and columns.</param>
sealed class DicomPhantom(string name, string modality, string sopClassUid, int size)
{
    /// <summary>Frames that differ; a series takes them in turn.</summary>
    const int Frames = 16;

    readonly byte[][] _frames = [.. Enumerable.Range(0, Frames).Select(n => Frame(n, size))];

    public static DicomPhantom Ct() => new("CT", "CT", "1.2.840.10008.5.1.4.1.1.2", 512);

    public static DicomPhantom Mr() => new("MR", "MR", "1.2.840.10008.5.1.4.1.1.4", 256);

    /// <summary>For example "CT 512²".</summary>
    public string Name => $"{name} {size}²";

    /// <summary>A series of a study of its own: every UID is a new one.</summary>
    public PhantomInstance[] Series(int slices)
    {
        var (study, series, frame) = (Uid(), Uid(), Uid());
        return
        [
            .. Enumerable
                .Range(0, slices)
                .Select(n => new PhantomInstance(
                    Attributes(study, series, frame, n),
                    _frames[n % Frames]
                )),
        ];
    }

    static string Uid() =>
        "2.25." + new BigInteger(Guid.NewGuid().ToByteArray(), isUnsigned: true).ToString("D38");

    static byte[] Frame(int seed, int size)
    {
        var (random, pixels) = (new Random(seed), new byte[2 * size * size]);
        for (var n = 0; n < size * size; n++)
        {
            var (y, x) = Math.DivRem(n, size);
            var inside = Math.Pow(x - size / 2, 2) + Math.Pow(y - size / 2, 2) < size * size / 6;
            var value = (short)((inside ? 1060 : 30) + random.Next(-25, 25));
            BinaryPrimitives.WriteInt16LittleEndian(pixels.AsSpan(2 * n), value);
        }
        return pixels;
    }

    byte[] Attributes(string study, string series, string frameOfReference, int slice)
    {
        var instance = Uid();
        var number = (slice + 1).ToString(CultureInfo.InvariantCulture);
        var position = slice.ToString("F1", CultureInfo.InvariantCulture);
        using var meta = new MemoryStream();
        Bytes(meta, 0x00020001, "OB", [0, 1]);
        Text(meta, 0x00020002, "UI", sopClassUid);
        Text(meta, 0x00020003, "UI", instance);
        Text(meta, 0x00020010, "UI", "1.2.840.10008.1.2.1");
        Text(meta, 0x00020012, "UI", "2.25.1");

        using var file = new MemoryStream();
        file.Write(new byte[128]);
        file.Write("DICM"u8);
        Bytes(file, 0x00020000, "UL", BitConverter.GetBytes((uint)meta.Length));
        meta.WriteTo(file);
        Text(file, 0x00080005, "CS", "ISO_IR 100");
        Text(file, 0x00080008, "CS", @"ORIGINAL\PRIMARY\AXIAL");
        Text(file, 0x00080012, "DA", "20240102");
        Text(file, 0x00080013, "TM", "101112.123000");
        Text(file, 0x00080016, "UI", sopClassUid);
        Text(file, 0x00080018, "UI", instance);
        Text(file, 0x00080020, "DA", "20240102");
        Text(file, 0x00080021, "DA", "20240102");
        Text(file, 0x00080022, "DA", "20240102");
        Text(file, 0x00080023, "DA", "20240102");
        Text(file, 0x00080030, "TM", "101010.000000");
        Text(file, 0x00080031, "TM", "101110.000000");
        Text(file, 0x00080032, "TM", "101112.000000");
        Text(file, 0x00080033, "TM", "101112.000000");
        Text(file, 0x00080050, "SH", "ACCESSION");
        Text(file, 0x00080060, "CS", modality);
        Text(file, 0x00080070, "LO", "Generated");
        Text(file, 0x00080080, "LO", "Hospital");
        Text(file, 0x00080090, "PN", "Referrer^Some");
        Text(file, 0x00081010, "SH", "SCANNER1");
        Text(file, 0x00081030, "LO", "Study of a phantom");
        Text(file, 0x0008103E, "LO", "Series of a phantom");
        Text(file, 0x00081090, "LO", "Phantom 1");
        Text(file, 0x00100010, "PN", "Phantom^Disc");
        Text(file, 0x00100020, "LO", "PHANTOM-1");
        Text(file, 0x00100030, "DA", "19700101");
        Text(file, 0x00100040, "CS", "O");
        Text(file, 0x00101010, "AS", "054Y");
        Text(file, 0x00101030, "DS", "70.0");
        Text(file, 0x00180015, "CS", "HEAD");
        Text(file, 0x00180050, "DS", "1.0");
        Text(file, 0x00181000, "LO", "12345");
        Text(file, 0x00181020, "LO", "1.0");
        Text(file, 0x00181030, "LO", "Protocol");
        Text(file, 0x00185100, "CS", "HFS");
        Text(file, 0x0020000D, "UI", study);
        Text(file, 0x0020000E, "UI", series);
        Text(file, 0x00200010, "SH", "1");
        Text(file, 0x00200011, "IS", "2");
        Text(file, 0x00200012, "IS", "1");
        Text(file, 0x00200013, "IS", number);
        Text(file, 0x00200032, "DS", $@"-120.0\-120.0\{position}");
        Text(file, 0x00200037, "DS", @"1.0\0.0\0.0\0.0\1.0\0.0");
        Text(file, 0x00200052, "UI", frameOfReference);
        Text(file, 0x00201041, "DS", position);
        Short(file, 0x00280002, 1);
        Text(file, 0x00280004, "CS", "MONOCHROME2");
        Short(file, 0x00280010, size);
        Short(file, 0x00280011, size);
        Text(file, 0x00280030, "DS", @"0.5\0.5");
        Short(file, 0x00280100, 16);
        Short(file, 0x00280101, 16);
        Short(file, 0x00280102, 15);
        Short(file, 0x00280103, 1);
        Text(file, 0x00281050, "DS", "40");
        Text(file, 0x00281051, "DS", "400");
        Text(file, 0x00281052, "DS", modality == "CT" ? "-1024" : "0");
        Text(file, 0x00281053, "DS", "1");
        Head(file, 0x7FE00010, "OW", 2 * size * size);
        return file.ToArray();
    }

    static void Text(Stream stream, uint tag, string vr, string value)
    {
        var pad = vr == "UI" ? '\0' : ' ';
        Bytes(
            stream,
            tag,
            vr,
            Encoding.ASCII.GetBytes(value.Length % 2 == 0 ? value : value + pad)
        );
    }

    static void Short(Stream stream, uint tag, int value) =>
        Bytes(stream, tag, "US", BitConverter.GetBytes((ushort)value));

    static void Bytes(Stream stream, uint tag, string vr, ReadOnlySpan<byte> value)
    {
        Head(stream, tag, vr, value.Length);
        stream.Write(value);
    }

    /// <summary>PS3.5 section 7.1.2: a long length for OB and OW, a short one for the others.</summary>
    static void Head(Stream stream, uint tag, string vr, int length)
    {
        stream.Write(BitConverter.GetBytes((ushort)(tag >> 16)));
        stream.Write(BitConverter.GetBytes((ushort)tag));
        stream.Write(Encoding.ASCII.GetBytes(vr));
        stream.Write(
            vr is "OB" or "OW"
                ? [0, 0, .. BitConverter.GetBytes(length)]
                : BitConverter.GetBytes((ushort)length)
        );
    }
}
