using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

public class TransferSyntaxTests
{
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
        // A private element swells on the way to the pixels.
        var hidden = Series()[0] with
        {
            TransferSyntax = Deflated,
            PrivateBytes = 32 << 20,
        };
        var swollen = Assert.Throws<VolumeException>(() =>
            DicomFile.ReadIdentity(hidden.Opener()())
        );
        Assert.Equal(VolumeFault.TooLarge, swollen.Fault);
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

    [Fact]
    public void Uncompressed_pixels_may_come_in_fragments()
    {
        var slices = Series();
        AssertPixels(
            slices,
            Encapsulated(
                slices,
                "1.2.840.10008.1.2.1.98",
                pixels => [.. pixels.SelectMany(p => BitConverter.GetBytes((ushort)p))],
                fragmentBytes: 100
            )
        );
    }

    [Fact]
    public void Frames_with_an_extended_offset_table_are_a_fragment_each()
    {
        // 64-bit offsets and lengths of each frame (7FE0,0001 and 0002).
        var slices = Series();
        byte[][] frames =
        [
            .. slices.Select(s => PixelEncoders.JpegLossless(s.Pixels!, 17)).Select(Even),
        ];
        long[] lengths = [.. frames.Select(frame => (long)frame.Length)];
        long[] offsets = [0, lengths[0] + 8, lengths[0] + lengths[1] + 16];
        var image = slices[0] with
        {
            TransferSyntax = JpegLossless,
            FramePositions = [.. slices.Select(s => s.Position)],
            Elements =
            [
                (0x7FE0_0001, "OV", [.. offsets.SelectMany(BitConverter.GetBytes)]),
                (0x7FE0_0002, "OV", [.. lengths.SelectMany(BitConverter.GetBytes)]),
            ],
            Fragments =
            [
                [],
                .. frames,
            ],
        };
        AssertPixels(slices, [image]);
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component")]
    [InlineData("1.2.840.10008.1.2.4.102", "MPEG-4")]
    [InlineData("1.2.840.10008.1.2.4.110", "JPEG XL")]
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
}
