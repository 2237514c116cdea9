using System.Diagnostics;
using System.Text;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Syntaxes that a codec decodes in a process of its own: what GDCM, dcmtk and OpenJPH encode is read, and nothing they do costs more than the series.</summary>
public class CodecTests
{
    private const string JpegLs = "1.2.840.10008.1.2.4.80";
    private const string Jpeg2000 = "1.2.840.10008.1.2.4.90";

    private static readonly ProcessLimits Small = new(
        AddressBytes: 256 << 20,
        FileBytes: 1 << 20,
        CpuSeconds: 5,
        Wall: TimeSpan.FromMinutes(5)
    );

    /// <summary>Slices as an encoder writes them.</summary>
    private static List<byte[]> Encode(
        IEnumerable<DicomSliceFile> slices,
        string program,
        params string[] options
    )
    {
        var folder = Directory.CreateTempSubdirectory("encode-");
        try
        {
            var encoded = new List<byte[]>();
            foreach (var slice in slices)
            {
                var (plain, coded) = (
                    Path.Combine(folder.FullName, "plain.dcm"),
                    Path.Combine(folder.FullName, "coded.dcm")
                );
                File.WriteAllBytes(plain, slice.ToBytes());
                using var encoder = Process.Start(program, [.. options, plain, coded]);
                encoder.WaitForExit();
                Assert.Equal(0, encoder.ExitCode);
                encoded.Add(File.ReadAllBytes(coded));
            }
            return encoded;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Volume<float> Read(IEnumerable<byte[]> files) =>
        DicomSeries.ReadVolume(
            files.Select(file => (Func<Stream>)(() => new MemoryStream(file, writable: false)))
        );

    private static VolumeException Refused(IEnumerable<byte[]> files) =>
        Assert.Throws<VolumeException>(() => Read(files));

    private static IEnumerable<DicomSliceFile> Smooth(int bits) =>
        Series(bits)
            .Select(
                (slice, k) =>
                    slice with
                    {
                        Pixels =
                        [
                            .. Enumerable
                                .Range(0, 23 * 17)
                                .Select(n => (n / 17 + k << (bits - 6)) + n % 17),
                        ],
                    }
            );

    [Theory]
    [InlineData(8, "gdcmconv", "--j2k")]
    [InlineData(12, "gdcmconv", "--j2k")]
    [InlineData(16, "gdcmconv", "--j2k")]
    [InlineData(8, "gdcmconv", "--jpegls")]
    [InlineData(12, "gdcmconv", "--jpegls")]
    [InlineData(16, "dcmcjpls", "+el")]
    [InlineData(12, "dcmcjpls", "+el")]
    public void What_is_coded_without_loss_comes_back_as_it_was(
        int bits,
        string program,
        string option
    )
    {
        var slices = Series(bits);
        var values = slices.SelectMany(s => s.Pixels!).Select(p => (float)p);
        Assert.Equal(values, Read(Encode(slices, program, option)).Voxels);
    }

    [Theory]
    [InlineData(8, "1.2.840.10008.1.2.4.201", "LRCP")]
    [InlineData(12, "1.2.840.10008.1.2.4.202", "RPCL")]
    [InlineData(16, "1.2.840.10008.1.2.4.203", "RPCL")]
    public void High_throughput_JPEG_2000_comes_back_as_it_was(
        int bits,
        string syntax,
        string progression
    )
    {
        var slices = Series(bits);
        var coded = slices.Select(s =>
            s with
            {
                TransferSyntax = syntax,
                Fragments =
                [
                    [],
                    Even(HighThroughput(s, progression)),
                ],
            }
        );
        AssertPixels(slices, coded);
    }

    [Fact]
    public void Codestreams_of_8_bits_fill_the_lower_halves_of_16()
    {
        var coded = Encode(Series(8), "gdcmconv", "--j2k").Select(Fragment);
        var slices = Series(8).Select(s => s with { BitsAllocated = 16 }).ToArray();
        AssertPixels(
            slices,
            slices.Zip(
                coded,
                (slice, codestream) =>
                    slice with
                    {
                        TransferSyntax = Jpeg2000,
                        Fragments =
                        [
                            [],
                            codestream,
                        ],
                    }
            )
        );
    }

    [Theory]
    [InlineData("--j2k")]
    [InlineData("--jpegls")]
    public void Signed_values_keep_their_sign(string option)
    {
        var slices = Series()
            .Select(s => s with { Signed = true, Pixels = [.. s.Pixels!.Select(p => p - 32768)] })
            .ToArray();
        var values = slices.SelectMany(s => s.Pixels!).Select(p => (float)p);
        Assert.Equal(values, Read(Encode(slices, "gdcmconv", option)).Voxels);
    }

    [Theory]
    [InlineData(8, "dcmcjpeg", "+eb", 2)]
    [InlineData(12, "dcmcjpeg", "+ee", 20)]
    [InlineData(12, "dcmcjpls", "+en", 2)]
    public void What_is_coded_with_loss_comes_back_nearly_as_it_was(
        int bits,
        string program,
        string option,
        float tolerance
    )
    {
        // The encoder of JPEG would stretch its values from the least to the most.
        var slices = Smooth(bits).ToArray();
        var options = program == "dcmcjpeg" ? new[] { option, "+sr" } : [option];
        var voxels = Read(Encode(slices, program, options)).Voxels;
        foreach (var (n, pixel) in slices.SelectMany(s => s.Pixels!).Index())
        {
            Assert.Equal(pixel, voxels[n], tolerance);
        }
    }

    [Fact]
    public void Many_slices_go_to_few_processes_and_each_finds_its_place()
    {
        var slices = Enumerable
            .Range(0, 150)
            .Select(k =>
                Series(12)[0] with
                {
                    Position = [0, 0, (k * 67) % 150],
                    SopInstanceUid = $"1.2.3.4.5.{k}",
                    Slope = 1,
                    Intercept = (k * 67) % 150,
                }
            );
        var coded = Encode(slices.Take(1), "gdcmconv", "--jpegls")[0];
        var fragments = Fragment(coded);
        var volume = DicomSeries.ReadVolume(
            slices.Select(s =>
                (
                    s with
                    {
                        TransferSyntax = JpegLs,
                        Fragments =
                        [
                            [],
                            fragments,
                        ],
                    }
                ).Opener()
            )
        );
        var pixels = Series(12)[0].Pixels!;
        for (var k = 0; k < 150; k++)
        {
            Assert.Equal(pixels[40] + k, volume[6, 2, k]);
        }
    }

    [Fact]
    public void Frames_of_one_image_are_told_apart_and_read()
    {
        var slices = Series(12);
        var fragments = Encode(slices, "gdcmconv", "--j2k").Select(Fragment).ToArray();
        var image = slices[0] with
        {
            TransferSyntax = Jpeg2000,
            FramePositions =
            [
                [0, 0, 0],
                [0, 0, 1],
                [0, 0, 2],
            ],
            Fragments =
            [
                [],
                .. fragments.SelectMany(fragment => fragment.Chunk(100)),
            ],
        };
        Assert.Equal(
            slices.SelectMany(s => s.Pixels!).Select(p => (float)p),
            Read([image.ToBytes()]).Voxels
        );
    }

    [Fact]
    public void Damaged_codestreams_cost_the_series_and_no_more()
    {
        var good = Encode(Series(12), "gdcmconv", "--j2k");
        var fragment = Fragment(good[1]);
        DicomSliceFile With(byte[] codestream) =>
            Series(12)[1] with
            {
                TransferSyntax = Jpeg2000,
                Fragments =
                [
                    [],
                    codestream,
                ],
            };
        IEnumerable<byte[]> Files(byte[] codestream) =>
            [good[0], With(codestream).ToBytes(), good[2]];
        Assert.Equal(VolumeFault.CorruptData, Refused(Files(new byte[100])).Fault);
        // Size of the image, from byte 8 of the codestream on: 2³¹ columns and rows.
        var huge = (byte[])fragment.Clone();
        foreach (var at in new[] { 8, 12, 24, 28 })
        {
            (huge[at], huge[at + 1], huge[at + 2], huge[at + 3]) = (0x7F, 0xFF, 0xFF, 0xFF);
        }
        Assert.Equal(VolumeFault.CorruptData, Refused(Files(huge)).Fault);
        var random = new Random(1);
        for (var n = 0; n < 20; n++)
        {
            var damaged = (byte[])fragment.Clone();
            damaged[random.Next(2, damaged.Length)] ^= (byte)random.Next(1, 256);
            try
            {
                Read(Files(damaged));
            }
            catch (VolumeException refusal)
            {
                Assert.NotEmpty(refusal.Message);
            }
        }
    }

    [Fact]
    public void A_codec_that_takes_too_much_memory_time_or_disk_is_ended()
    {
        static VolumeException Run(string program, string[] arguments, ProcessLimits limits)
        {
            var folder = Directory.CreateTempSubdirectory("limits-");
            try
            {
                return Assert.Throws<VolumeException>(() =>
                    LimitedProcess.Run(program, "coreutils", arguments, folder.FullName, limits)
                );
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
        Assert.Contains("ended with", Run("tail", ["/dev/zero"], Small).Message);
        Assert.Contains(
            "ended with",
            Run("dd", ["if=/dev/zero", "of=out", "bs=64K"], Small).Message
        );
        Assert.Contains(
            "ended with",
            Run("md5sum", ["/dev/zero"], Small with { CpuSeconds = 1 }).Message
        );
        Assert.Contains(
            "did not end within",
            Run("sleep", ["1000"], Small with { Wall = TimeSpan.FromMilliseconds(100) }).Message
        );
        Assert.Contains("Debian package coreutils", Run("no-such-codec", [], Small).Message);
    }

    [Fact]
    public void A_codec_sees_no_environment_and_runs_in_its_folder()
    {
        var folder = Directory.CreateTempSubdirectory("limits-");
        try
        {
            LimitedProcess.Run(
                "cp",
                "coreutils",
                ["/proc/self/environ", "environment"],
                folder.FullName,
                Small
            );
            Assert.Empty(File.ReadAllBytes(Path.Combine(folder.FullName, "environment")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A codestream of OpenJPH, without loss, of an image of 8 to 16 unsigned bits.</summary>
    private static byte[] HighThroughput(DicomSliceFile slice, string progression)
    {
        var folder = Directory.CreateTempSubdirectory("encode-");
        try
        {
            var (plain, coded) = (
                Path.Combine(folder.FullName, "plain.pgm"),
                Path.Combine(folder.FullName, "coded.j2c")
            );
            var head = $"P5 {slice.Columns} {slice.Rows} {(1 << slice.BitsStored) - 1}\n";
            var pixels = slice.Pixels!.SelectMany(p =>
                slice.BitsStored > 8 ? new[] { (byte)(p >> 8), (byte)p } : [(byte)p]
            );
            File.WriteAllBytes(plain, [.. Encoding.ASCII.GetBytes(head), .. pixels]);
            using var encoder = Process.Start(
                "ojph_compress",
                ["-i", plain, "-o", coded, "-reversible", "true", "-prog_order", progression]
            );
            encoder.WaitForExit();
            Assert.Equal(0, encoder.ExitCode);
            return File.ReadAllBytes(coded);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The only fragment of an encoder's file.</summary>
    private static byte[] Fragment(byte[] file)
    {
        using var stream = new MemoryStream(file);
        var image = DicomImage.Read(stream);
        stream.Position = 0;
        using var frames = image.Pixels(stream);
        using var bytes = new MemoryStream();
        frames.Coded(0).CopyTo(bytes);
        return bytes.ToArray();
    }
}
