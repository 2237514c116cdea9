using System.Buffers.Binary;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

public class TransferSyntaxTests
{
    private const string RunLength = "1.2.840.10008.1.2.5";
    private const string JpegLossless = "1.2.840.10008.1.2.4.57";
    private const string Deflated = "1.2.840.10008.1.2.1.99";

    private static int[] Pixels(int seed, int bits = 16)
    {
        // Noise, a ramp and flat parts: every length of run and of difference.
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 23 * 17)
                .Select(n =>
                    (n % 7) switch
                    {
                        0 => random.Next(1 << bits),
                        1 or 2 => n,
                        _ => n < 200 ? 5 : 5 << (bits - 4),
                    } & ((1 << bits) - 1)
                ),
        ];
    }

    private static DicomSliceFile[] Series(int bits = 16) =>
        [
            .. Enumerable
                .Range(0, 3)
                .Select(n => new DicomSliceFile
                {
                    Manufacturer = "ACME",
                    SopInstanceUid = $"1.2.3.4.5.{n}",
                    Rows = 23,
                    Columns = 17,
                    Signed = false,
                    BitsAllocated = bits > 8 ? 16 : 8,
                    BitsStored = bits,
                    Position = [0, 0, n],
                    SequenceDepth = 2,
                    Pixels = Pixels(n, bits),
                }),
        ];

    private static Volume<float> Read(IEnumerable<DicomSliceFile> slices) =>
        DicomSeries.ReadVolume(slices.Select(slice => slice.Opener()));

    private static void AssertPixels(DicomSliceFile[] expected, IEnumerable<DicomSliceFile> slices)
    {
        var values = expected.SelectMany(s => s.Pixels!).Select(p => (float)p);
        Assert.Equal(values, Read(slices).Voxels);
    }

    private static VolumeException Refused(VolumeFault fault, IEnumerable<DicomSliceFile> slices)
    {
        var refusal = Assert.Throws<VolumeException>(() => Read(slices));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    private static IEnumerable<DicomSliceFile> Encapsulated(
        DicomSliceFile[] slices,
        string syntax,
        Func<int[], byte[]> encode,
        int fragmentBytes = int.MaxValue,
        bool hasOffsets = false
    ) =>
        slices.Select(s =>
            s with
            {
                TransferSyntax = syntax,
                Fragments =
                [
                    hasOffsets ? new byte[4] : [],
                    .. encode(s.Pixels!).Chunk(fragmentBytes).Select(Even),
                ],
            }
        );

    private static byte[] Even(byte[] bytes) => bytes.Length % 2 == 0 ? bytes : [.. bytes, 0];

    [Theory]
    [InlineData("1.2.840.10008.1.2", 16)]
    [InlineData("1.2.840.10008.1.2.1", 16)]
    [InlineData("1.2.840.10008.1.2.2", 16)]
    [InlineData("1.2.840.10008.1.2.2", 8)]
    [InlineData(Deflated, 16)]
    public void Uncompressed_pixels_are_the_same_in_every_syntax(string syntax, int bits)
    {
        var slices = Series(bits).Select(s => s with { TransferSyntax = syntax }).ToArray();
        AssertPixels(slices, slices);
        Assert.Equal(
            new DicomIdentity("1.2.3", "1.2.3.4", "1.2.3.4.5.0"),
            DicomFile.ReadIdentity(slices[0].Opener()())
        );
        Assert.Equal("ACME", DicomFile.ReadScanner(slices[0].Opener()()));
    }

    [Fact]
    public void Big_endian_pixels_of_8_bits_in_words_come_swapped_by_twos()
    {
        var slices = Series(8);
        var swapped = slices.Select(s =>
            s with
            {
                TransferSyntax = "1.2.840.10008.1.2.2",
                PixelRepresentation = "OW",
                Rows = 22,
                Pixels = [.. s.Pixels!.Take(22 * 17).Chunk(2).SelectMany(two => two.Reverse())],
            }
        );
        var expected = slices.Select(s =>
            s with
            {
                Rows = 22,
                Pixels = [.. s.Pixels!.Take(22 * 17)],
            }
        );
        AssertPixels([.. expected], swapped);
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2")]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2.2")]
    public void A_data_set_without_preamble_is_read_as_its_first_element_shows(string syntax)
    {
        var slices = Series()
            .Select(s => s with { TransferSyntax = syntax, IsBare = true })
            .ToArray();
        AssertPixels(slices, slices);
        var bytes = slices[0].ToBytes();
        Assert.True(DicomFile.Sniff(bytes.AsSpan(0, DicomFile.SniffBytes)));
        Assert.Equal("1.2.3", DicomFile.ReadIdentity(new MemoryStream(bytes)).StudyInstanceUid);
    }

    [Fact]
    public void Meta_information_without_preamble_or_without_a_syntax_is_read()
    {
        var slices = Series();
        var bytes = slices.Select(s => s.ToBytes()).ToArray();
        var bare = slices.Select(s => (s with { IsBare = true }).ToBytes()).ToArray();
        var expected = Read(slices).Voxels;
        byte[] preamble = [.. new byte[128], .. "DICM"u8];
        foreach (
            var files in new[]
            {
                bytes.Select(b => b[132..]),
                bare.Select(b => (byte[])[.. preamble, .. b]),
            }
        )
        {
            var volume = DicomSeries.ReadVolume(
                files.Select(file => (Func<Stream>)(() => new MemoryStream(file)))
            );
            Assert.Equal(expected, volume.Voxels);
        }
    }

    [Fact]
    public void Data_that_inflate_beyond_measure_are_refused()
    {
        var slices = Series()
            .Select(s =>
                s with
                {
                    TransferSyntax = Deflated,
                    Rows = 4000,
                    Columns = 4000,
                    Pixels = null,
                }
            );
        Assert.Contains("inflate", Refused(VolumeFault.TooLarge, slices).Message);
        var damaged = Series()[0] with { TransferSyntax = Deflated };
        var bytes = damaged.ToBytes();
        bytes.AsSpan(170, 20).Fill(0xFF);
        var refusal = Assert.Throws<VolumeException>(() =>
            DicomFile.ReadIdentity(new MemoryStream(bytes))
        );
        Assert.Equal(VolumeFault.CorruptData, refusal.Fault);
    }

    [Theory]
    [InlineData(8, int.MaxValue, false)]
    [InlineData(16, int.MaxValue, true)]
    [InlineData(12, 100, false)]
    public void Run_lengths_are_decoded(int bits, int fragmentBytes, bool hasOffsets)
    {
        var slices = Series(bits);
        AssertPixels(
            slices,
            Encapsulated(
                slices,
                RunLength,
                pixels => PixelEncoders.RunLength(pixels, bits > 8 ? 16 : 8),
                fragmentBytes,
                hasOffsets
            )
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Lossless_jpeg_of_every_selection_value_is_decoded(int selection)
    {
        foreach (var bits in new[] { 8, 12, 16 })
        {
            foreach (var restartRows in new[] { 0, 1, 5 })
            {
                var slices = Series(bits);
                AssertPixels(
                    slices,
                    Encapsulated(
                        slices,
                        JpegLossless,
                        pixels =>
                            PixelEncoders.JpegLossless(pixels, 17, bits, selection, restartRows),
                        fragmentBytes: 50 * selection,
                        hasOffsets: bits == 12
                    )
                );
            }
        }
    }

    [Fact]
    public void Signed_pixels_keep_their_sign_through_compression()
    {
        var slices = Series()
            .Select(s =>
                s with
                {
                    Signed = true,
                    Pixels = [.. s.Pixels!.Select(p => (int)(short)p)],
                }
            )
            .ToArray();
        AssertPixels(
            slices,
            Encapsulated(slices, RunLength, pixels => PixelEncoders.RunLength(pixels, 16))
        );
        AssertPixels(
            slices,
            Encapsulated(
                slices,
                "1.2.840.10008.1.2.4.70",
                pixels => PixelEncoders.JpegLossless([.. pixels.Select(p => p & 0xFFFF)], 17)
            )
        );
    }

    [Fact]
    public void A_point_transform_leaves_the_lowest_bits_out()
    {
        var slices = Series(12);
        var expected = slices.Select(s => s with { Pixels = [.. s.Pixels!.Select(p => p & ~3)] });
        AssertPixels(
            [.. expected],
            Encapsulated(
                slices,
                JpegLossless,
                pixels => PixelEncoders.JpegLossless(pixels, 17, 12, 4, transform: 2)
            )
        );
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2.4.50", "JPEG Baseline")]
    [InlineData("1.2.840.10008.1.2.4.51", "JPEG Extended")]
    [InlineData("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless")]
    [InlineData("1.2.840.10008.1.2.4.91", "JPEG 2000")]
    [InlineData("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000")]
    [InlineData("1.2.840.113619.5.2", "not known")]
    public void Other_syntaxes_are_refused_by_name_with_what_to_do(string syntax, string name)
    {
        var slices = Encapsulated(Series(), syntax, _ => [0xFF, 0xD8]);
        var refusal = Refused(VolumeFault.UnsupportedFormat, slices);
        Assert.Contains(syntax, refusal.Message);
        Assert.Contains(name, refusal.Message);
        Assert.Contains("send the series uncompressed", refusal.Message);
    }

    [Fact]
    public void The_identity_of_an_image_that_cannot_be_decoded_is_read() =>
        Assert.Equal(
            "1.2.3",
            DicomFile
                .ReadIdentity(
                    (Series()[0] with { TransferSyntax = "1.2.840.10008.1.2.4.90" }).Opener()()
                )
                .StudyInstanceUid
        );

    [Fact]
    public void Wrong_run_lengths_are_refused_with_what_is_wrong()
    {
        void Refuse(string message, Func<byte[], byte[]> change) =>
            Assert.Contains(
                message,
                Refused(
                    VolumeFault.CorruptData,
                    Encapsulated(
                        Series(),
                        RunLength,
                        pixels => change(PixelEncoders.RunLength(pixels, 16))
                    )
                ).Message
            );
        Refuse("ends", bytes => bytes[..200]);
        Refuse("ends", bytes => bytes[..60]);
        Refuse("has 3 segments", bytes => [3, .. bytes[1..]]);
        Refuse("starts at byte 7", bytes => [.. bytes[..4], 7, .. bytes[5..]]);
        Refuse(
            "beyond its last pixel",
            bytes => [.. bytes[..64], .. Enumerable.Repeat((byte)0x81, 20)]
        );
    }

    [Fact]
    public void Wrong_jpeg_is_refused_with_what_is_wrong()
    {
        void Refuse(string message, VolumeFault fault, Func<byte[], byte[]> change) =>
            Assert.Contains(
                message,
                Refused(
                    fault,
                    Encapsulated(
                        Series(),
                        JpegLossless,
                        pixels => change(PixelEncoders.JpegLossless(pixels, 17, restartRows: 5))
                    )
                ).Message
            );
        byte[] Set(byte[] bytes, int at, params byte[] values) =>
            [.. bytes[..at], .. values, .. bytes[(at + values.Length)..]];
        // Comment at 2, frame at 8, tables at 21, restart at 59, scan at 65, coded bits at 75.
        Refuse("end before", VolumeFault.CorruptData, bytes => bytes[..300]);
        Refuse("start of an image", VolumeFault.CorruptData, bytes => Set(bytes, 1, 0xD9));
        Refuse("SOF1", VolumeFault.UnsupportedFormat, bytes => Set(bytes, 9, 0xC1));
        Refuse("12×17", VolumeFault.CorruptData, bytes => Set(bytes, 14, 12));
        Refuse("3 components", VolumeFault.UnsupportedFormat, bytes => Set(bytes, 17, 3));
        Refuse("17 bits", VolumeFault.CorruptData, bytes => Set(bytes, 12, 17));
        Refuse("more codes of 1 bits", VolumeFault.CorruptData, bytes => Set(bytes, 26, 3, 0, 0));
        Refuse("not a whole number", VolumeFault.CorruptData, bytes => Set(bytes, 64, 84));
        Refuse("selection value 8", VolumeFault.CorruptData, bytes => Set(bytes, 72, 8));
        Refuse("no Huffman table 2", VolumeFault.CorruptData, bytes => Set(bytes, 71, 0x20));
        Refuse("category 99", VolumeFault.CorruptData, bytes => Set(bytes, 42, 99));
        Refuse("marker is due", VolumeFault.CorruptData, bytes => Set(bytes, 64, 17));
    }

    [Fact]
    public void Fragments_and_their_table_must_agree_with_the_syntax()
    {
        var slices = Series();
        Refused(
            VolumeFault.CorruptData,
            Encapsulated(slices, "1.2.840.10008.1.2.1", _ => new byte[2000])
        );
        Refused(
            VolumeFault.CorruptData,
            slices.Select(s => s with { TransferSyntax = JpegLossless })
        );
        Refused(
            VolumeFault.CorruptData,
            slices.Select(s => s with { TransferSyntax = RunLength, Fragments = [new byte[400]] })
        );
        Refused(
            VolumeFault.CorruptData,
            slices.Select(s =>
                s with
                {
                    TransferSyntax = RunLength,
                    Fragments =
                    [
                        [],
                    ],
                }
            )
        );
    }

    [Fact]
    public void A_file_damaged_anywhere_gives_a_refusal_or_a_volume_whatever_its_syntax()
    {
        var slices = Series();
        var files = new[]
        {
            slices[1] with
            {
                TransferSyntax = "1.2.840.10008.1.2.2",
            },
            slices[1] with
            {
                TransferSyntax = Deflated,
            },
            slices[1] with
            {
                IsBare = true,
            },
            Encapsulated(slices, RunLength, p => PixelEncoders.RunLength(p, 16), 300).ElementAt(1),
            Encapsulated(slices, JpegLossless, p => PixelEncoders.JpegLossless(p, 17), 300)
                .ElementAt(1),
            Encapsulated(
                    slices,
                    JpegLossless,
                    p => PixelEncoders.JpegLossless(p, 17, 16, 7, restartRows: 2)
                )
                .ElementAt(1),
        };
        var first = slices[0].ToBytes();
        var random = new Random(1);
        var refused = 0;
        const int Each = 1000;
        foreach (var good in files.Select(file => file.ToBytes()))
        {
            for (var n = 0; n < Each; n++)
            {
                var bytes = (byte[])good.Clone();
                for (var m = random.Next(1, 6); m > 0; m--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }
                if (n % 4 == 0)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(
                        bytes.AsSpan(random.Next(bytes.Length - 4)),
                        uint.MaxValue - (uint)random.Next(3)
                    );
                }
                bytes = n % 5 == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    DicomImage.Read(new MemoryStream(bytes));
                    DicomSeries.ReadVolume([
                        () => new MemoryStream(first),
                        () => new MemoryStream(bytes),
                    ]);
                }
                catch (VolumeException)
                {
                    refused++;
                }
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
            }
        }
        Assert.InRange(refused, Each, files.Length * Each - 1);
    }
}
