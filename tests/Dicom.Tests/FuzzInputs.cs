using System.Buffers.Binary;
using System.Text;
using Platform.Testing;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Files of every kind the reader knows, and ways to damage them that a seed repeats.</summary>
internal static class FuzzInputs
{
    private static readonly uint[] Lengths =
    [
        0,
        1,
        2,
        7,
        8,
        0x7F,
        0xFF,
        0x400,
        0x401,
        0x7FFF,
        0xFFFF,
        0x10000,
        0x7FFF_FFFF,
        0x8000_0000,
        0xFFFF_FFFE,
        0xFFFF_FFFF,
    ];

    private static readonly string[] Numbers =
    [
        "0",
        "-1",
        "1e308",
        "1e-320",
        "NaN",
        "inf",
        "99999999999",
        "1\\2\\3\\4\\5\\6\\7",
        "\\",
        "0x10",
        " ",
        "MOSAIC",
        "ORIGINAL\\MOSAIC",
    ];

    private static readonly string[] Representations =
    [
        "OB",
        "OW",
        "OV",
        "SQ",
        "UN",
        "US",
        "UL",
        "DS",
        "IS",
        "FD",
        "UT",
        "ZZ",
        "\0\0",
        "AT",
    ];

    private static readonly uint[] Tags =
    [
        DicomTag.ImageType,
        DicomTag.EchoTime,
        DicomTag.NumberOfFrames,
        DicomTag.Rows,
        DicomTag.BitsAllocated,
        DicomTag.SiemensHeader,
        DicomTag.MosaicImages,
        DicomTag.SharedFunctionalGroups,
        DicomTag.PerFrameFunctionalGroups,
        DicomTag.PixelData,
        DicomTag.Item,
        DicomTag.ItemEnd,
        DicomTag.SequenceEnd,
        DicomTag.FrameContent,
        DicomTag.TransferSyntaxUid,
        DicomTag.PixelPaddingValue,
        DicomTag.ModalityLutSequence,
        DicomTag.FloatPixelData,
        DicomTag.StackId,
        DicomTag.TriggerTime,
    ];

    /// <summary>A slice with what every instance has, and a patient.</summary>
    public static DicomSliceFile Identified =>
        Series()[0] with
        {
            PatientName = "Doe^Jane",
            Elements = [(0x0010_0020, "LO", DicomSliceFile.Words("4711"))],
        };

    /// <summary>Good files, small ones.</summary>
    public static IReadOnlyList<byte[]> Files()
    {
        var slice = Identified;
        var enhanced = slice with
        {
            FramePositions =
            [
                [0, 0, 1],
                [0, 0, 2],
                [0, 0, 1],
                [0, 0, 2],
            ],
            FrameElements =
            [
                .. Enumerable
                    .Range(0, 4)
                    .Select(n =>
                        new (uint, uint, string, byte[])[]
                        {
                            (
                                DicomTag.MrEcho,
                                DicomTag.EffectiveEchoTime,
                                "FD",
                                BitConverter.GetBytes(n / 2 + 1.5)
                            ),
                        }
                    ),
            ],
            Pixels = [.. Enumerable.Repeat(slice.Pixels!, 4).SelectMany(pixels => pixels)],
        };
        var mosaic = slice with
        {
            Rows = 22,
            Columns = 16,
            Pixels = slice.Pixels![..(22 * 16)],
            Elements =
            [
                .. slice.Elements,
                (DicomTag.ImageType, "CS", DicomSliceFile.Words("ORIGINAL\\PRIMARY\\M\\MOSAIC")),
                (DicomTag.SpacingBetweenSlices, "DS", DicomSliceFile.Words("3.5")),
                (
                    DicomTag.SiemensHeader,
                    "OB",
                    MosaicTests.Header(
                        ("NumberOfImagesInMosaic", ["4"]),
                        ("SliceNormalVector", ["0", "0", "1"])
                    )
                ),
            ],
        };
        DicomSliceFile Coded(string syntax, Func<int[], byte[]> encode, int fragmentBytes) =>
            Encapsulated([slice], syntax, encode, fragmentBytes).Single();
        return
        [
            .. new[]
            {
                slice,
                slice with
                {
                    TransferSyntax = "1.2.840.10008.1.2",
                },
                slice with
                {
                    TransferSyntax = "1.2.840.10008.1.2.2",
                },
                slice with
                {
                    TransferSyntax = Deflated,
                },
                StackedFramesTests.Tomogram with
                {
                    Elements = [.. slice.Elements, .. StackedFramesTests.Tomogram.Elements],
                },
                slice with
                {
                    IsBare = true,
                    BitsAllocated = 8,
                    BitsStored = 8,
                },
                slice with
                {
                    PixelPaddingValue = 5,
                    PixelPaddingRangeLimit = 9,
                    Slope = 2,
                    Intercept = -1,
                },
                enhanced,
                enhanced with
                {
                    TransferSyntax = "1.2.840.10008.1.2.2",
                },
                enhanced with
                {
                    TransferSyntax = Deflated,
                },
                mosaic,
                Coded(RunLength, pixels => PixelEncoders.RunLength(pixels, 16), 300),
                Coded(JpegLossless, pixels => PixelEncoders.JpegLossless(pixels, 17), 300),
                Coded(
                    JpegLossless,
                    pixels => PixelEncoders.JpegLossless(pixels, 17, 16, 7, restartRows: 2),
                    1000
                ),
                Coded(
                    "1.2.840.10008.1.2.1.98",
                    pixels => [.. pixels.SelectMany(p => BitConverter.GetBytes((ushort)p))],
                    100
                ),
                Coded("1.2.840.10008.1.2.4.90", _ => [0xFF, 0x4F, 0xFF, 0x51, .. new byte[96]], 40),
                enhanced with
                {
                    TransferSyntax = JpegLossless,
                    Elements =
                    [
                        .. slice.Elements,
                        (0x7FE0_0001, "OV", new byte[32]),
                        (0x7FE0_0002, "OV", new byte[32]),
                    ],
                    Fragments =
                    [
                        [],
                        .. Enumerable.Repeat(
                            Even(PixelEncoders.JpegLossless(slice.Pixels!, 17)),
                            4
                        ),
                    ],
                },
            }.Select(file => file.ToBytes()),
        ];
    }

    /// <summary>Files of PLATFORM_DATA up to a megabyte; none without it.</summary>
    public static IEnumerable<byte[]> RealFiles() =>
        Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } data
            ? Directory
                .EnumerateFiles(Path.Combine(data, "dicom"), "*", SearchOption.AllDirectories)
                .Where(file => new FileInfo(file).Length is > 0 and < 1 << 20)
                .Order()
                .Select(File.ReadAllBytes)
            : [];

    /// <summary>One of the files, damaged one to six times.</summary>
    public static byte[] Damage(IReadOnlyList<byte[]> files, int seed)
    {
        var random = new Random(seed);
        var bytes = files[random.Next(files.Count)];
        for (var n = random.Next(1, 7); n > 0 && bytes.Length > 16; n--)
        {
            bytes = DamageOnce(files, bytes, random);
        }
        return bytes;
    }

    private static byte[] DamageOnce(IReadOnlyList<byte[]> files, byte[] file, Random random)
    {
        var bytes = (byte[])file.Clone();
        var at = random.Next(bytes.Length - 12);
        var head = Head(bytes, random);
        switch (random.Next(12))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 2:
                return bytes[..at];
            case 3:
                // A length, whichever form it has.
                BinaryPrimitives.WriteUInt32LittleEndian(
                    bytes.AsSpan(head + 8),
                    Pick(Lengths, random)
                );
                return bytes;
            case 4:
                BinaryPrimitives.WriteUInt16LittleEndian(
                    bytes.AsSpan(head + 6),
                    (ushort)Pick(Lengths, random)
                );
                return bytes;
            case 5:
                Encoding.ASCII.GetBytes(Pick(Representations, random), bytes.AsSpan(head + 4));
                return bytes;
            case 6:
                Write(bytes.AsSpan(head), Pick(Tags, random));
                return bytes;
            case 7:
            {
                // A value's text.
                var text = Encoding.ASCII.GetBytes(Pick(Numbers, random));
                text.AsSpan(0, Math.Min(text.Length, bytes.Length - head - 8))
                    .CopyTo(bytes.AsSpan(head + 8));
                return bytes;
            }
            case 8:
            {
                // A piece of this or another file, twice or elsewhere.
                var other = files[random.Next(files.Count)];
                var start = random.Next(other.Length);
                var piece = other.AsSpan(start, random.Next(Math.Min(other.Length - start, 400)));
                return [.. bytes[..head], .. piece, .. bytes[head..]];
            }
            case 9:
            {
                var end = Math.Min(bytes.Length, at + random.Next(200));
                return [.. bytes[..at], .. bytes[end..]];
            }
            case 10:
                return
                [
                    .. bytes[..head],
                    .. Nested(random.Next(40), random.Next(2) == 0),
                    .. bytes[head..],
                ];
            default:
                return
                [
                    .. bytes[..head],
                    .. Element(
                        Pick(Tags, random),
                        Pick(Representations, random),
                        Pick(Lengths, random)
                    ),
                    .. bytes[head..],
                ];
        }
    }

    /// <summary>Where an element seems to begin: two capitals after four bytes. Anywhere, where there is none.</summary>
    private static int Head(byte[] bytes, Random random)
    {
        var from = random.Next(bytes.Length - 12);
        for (var n = 0; n < bytes.Length - 12; n++)
        {
            var at = (from + n) % (bytes.Length - 12);
            if (
                char.IsAsciiLetterUpper((char)bytes[at + 4])
                && char.IsAsciiLetterUpper((char)bytes[at + 5])
                && bytes[at] is 2 or 8 or 0x18 or 0x20 or 0x28 or 0x29 or 0xE0
            )
            {
                return at;
            }
        }
        return from;
    }

    public static byte[] Nested(int depth, bool isClosed)
    {
        var bytes = new List<byte>();
        for (var n = 0; n < depth; n++)
        {
            bytes.AddRange(Element(0x0009_1001, "SQ", uint.MaxValue));
            bytes.AddRange(Element(DicomTag.Item, "", uint.MaxValue));
        }
        for (var n = 0; isClosed && n < depth; n++)
        {
            bytes.AddRange(Element(DicomTag.ItemEnd, "", 0));
            bytes.AddRange(Element(DicomTag.SequenceEnd, "", 0));
        }
        return [.. bytes];
    }

    public static byte[] Element(uint tag, string vr, uint length)
    {
        var head = new byte[vr is "OB" or "OW" or "OV" or "SQ" or "UN" or "UT" ? 12 : 8];
        Write(head, tag);
        Encoding.ASCII.GetBytes(vr, head.AsSpan(4));
        if (vr != "" && head.Length == 8)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(6), (ushort)length);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(head.Length - 4), length);
        }
        return head;
    }

    private static void Write(Span<byte> bytes, uint tag)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], (ushort)tag);
    }

    private static T Pick<T>(T[] from, Random random) => from[random.Next(from.Length)];
}
