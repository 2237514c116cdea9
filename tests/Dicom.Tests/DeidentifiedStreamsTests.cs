using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Untrusted and large streams: bounded memory, a copy or a refusal.</summary>
public class DeidentifiedStreamsTests
{
    private static DicomSliceFile WithPatient(DicomSliceFile file) =>
        file with
        {
            Elements = [.. file.Elements, (0x0010_0020, "LO", DicomSliceFile.Words("MRN 4711"))],
        };

    [Fact]
    public void Encapsulated_pixels_of_many_fragments_stay_as_they_are()
    {
        foreach (
            var files in new[]
            {
                Encapsulated(Series(), RunLength, p => PixelEncoders.RunLength(p, 16), 100, true),
                Encapsulated(Series(), JpegLossless, p => PixelEncoders.JpegLossless(p, 17), 300),
            }
        )
        {
            var slices = files.Select(WithPatient).ToArray();
            var copies = slices.Select(file => Copy(file.ToBytes())).ToArray();
            Assert.All(
                copies,
                copy => Assert.Equal(slices[0].TransferSyntax, copy.Instance.TransferSyntaxUid)
            );
            var volume = DicomSeries.ReadVolume(
                copies.Select(copy => (Func<Stream>)(() => new MemoryStream(copy.Bytes)))
            );
            Assert.Equal(Read(slices).Voxels, volume.Voxels);
        }
    }

    [Fact]
    public void Pixels_that_are_encapsulated_against_their_syntax_are_refused()
    {
        var slice = WithPatient(Series()[0]);
        foreach (
            var wrong in new[]
            {
                slice with
                {
                    Fragments =
                    [
                        [],
                        new byte[8],
                    ],
                },
                slice with
                {
                    TransferSyntax = RunLength,
                },
            }
        )
        {
            var refusal = Assert.Throws<VolumeException>(() => Copy(wrong.ToBytes()));
            Assert.Equal(VolumeFault.CorruptData, refusal.Fault);
            Assert.Contains("encapsulated", refusal.Message);
        }
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2.2")]
    public void Pixel_data_of_200_MB_pass_without_being_held(string syntax)
    {
        const uint PixelBytes = 200 << 20;
        var file = DicomElement.File(
            syntax,
            Instance(new DicomElement(0x7FE0_0010, "OW", new byte[2]))
        );
        var start = file[..^2];
        var length = start.AsSpan(^4);
        if (syntax == "1.2.840.10008.1.2.2")
        {
            BinaryPrimitives.WriteUInt32BigEndian(length, PixelBytes);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(length, PixelBytes);
        }
        using var source = new Endless(start, PixelBytes);
        using var target = new Counter();
        var before = GC.GetAllocatedBytesForCurrentThread();
        new Deidentifier(new(), PseudonymOf).Copy(source, target);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(target.Written, PixelBytes, PixelBytes + 4096);
        Assert.InRange(allocated, 0, 4 << 20);
    }

    [Fact]
    public void What_must_be_held_until_the_patient_is_known_is_bounded()
    {
        const uint Bytes = 100 << 20;
        var file = DicomElement.File(
            ExplicitLittleEndian,
            Instance(
                DicomElement.Sequence(
                    0x0008_1140,
                    [new DicomElement(0x0028_1201, "OW", new byte[2])]
                ) with
                {
                    IsDelimited = true,
                }
            )
        );
        byte[] head = [0x28, 0, 0x01, 0x12, (byte)'O', (byte)'W', 0, 0];
        var end = file.AsSpan().IndexOf(head) + head.Length + 4;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(end - 4), Bytes);
        byte[] items =
        [
            .. file[..(end - head.Length - 4)],
            .. Enumerable
                .Repeat(
                    new byte[]
                    {
                        0xFE,
                        0xFF,
                        0x0D,
                        0xE0,
                        0,
                        0,
                        0,
                        0,
                        0xFE,
                        0xFF,
                        0,
                        0xE0,
                        0xFF,
                        0xFF,
                        0xFF,
                        0xFF,
                    },
                    2 << 20
                )
                .SelectMany(item => item),
            .. new byte[]
            {
                0xFE,
                0xFF,
                0x0D,
                0xE0,
                0,
                0,
                0,
                0,
                0xFE,
                0xFF,
                0xDD,
                0xE0,
                0,
                0,
                0,
                0,
            },
        ];
        foreach (
            var source in new Stream[] { new Endless(file[..end], Bytes), new MemoryStream(items) }
        )
        {
            using var target = new Counter();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var refusal = Assert.Throws<VolumeException>(() =>
                new Deidentifier(new(), PseudonymOf).Copy(source, target)
            );
            Assert.Equal(VolumeFault.TooLarge, refusal.Fault);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 80 << 20);
            Assert.Equal(0, target.Written);
        }
    }

    [Fact]
    public void A_length_is_not_believed_before_the_bytes_are_there()
    {
        foreach (
            var (tag, vr) in new[]
            {
                (0x0008_1140u, "SQ"),
                (0x0028_3006u, "OW"),
                (0x0042_0011u, "OB"),
            }
        )
        {
            var file = DicomElement.File(
                ExplicitLittleEndian,
                Instance(new DicomElement(tag, vr, new byte[6]))
            );
            var at = file.AsSpan()
                .IndexOf([
                    (byte)(tag >> 16),
                    (byte)(tag >> 24),
                    (byte)tag,
                    (byte)(tag >> 8),
                    (byte)vr[0],
                    (byte)vr[1],
                ]);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 8), 0xFFFF_FFF0);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<VolumeException>(() => Copy(file));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        }
    }

    [Fact]
    public void A_file_damaged_anywhere_gives_a_copy_or_a_refusal_in_bounded_memory()
    {
        var slices = Series().Select(WithPatient).ToArray();
        var nested = Instance(
            DicomElement.Text(0x0008_0020, "DA", "20200131"),
            DicomElement.Sequence(
                0x0040_A730,
                [
                    DicomElement.Sequence(
                        0x0040_A730,
                        [DicomElement.Text(0x0040_A121, "DA", "20200131")],
                        []
                    ),
                    DicomElement.Text(0x0019_0010, "LO", "SIEMENS MR HEADER"),
                    DicomElement.Text(0x0019_100C, "IS", "1000"),
                ]
            ) with
            {
                IsDelimited = true,
            },
            new(0x7FE0_0010, "OW", new byte[64])
        );
        byte[][] files =
        [
            DicomElement.File("1.2.840.10008.1.2", nested),
            DicomElement.File(ExplicitLittleEndian, nested),
            DicomElement.File("1.2.840.10008.1.2.2", nested),
            (slices[1] with { TransferSyntax = Deflated }).ToBytes(),
            (slices[1] with { IsBare = true }).ToBytes(),
            Encapsulated(slices, JpegLossless, p => PixelEncoders.JpegLossless(p, 17), 300)
                .ElementAt(1)
                .ToBytes(),
        ];
        var random = new Random(1);
        var refused = 0;
        const int Each = 1000;
        foreach (var good in files)
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
                using var target = new Counter();
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    new Deidentifier(Dates, PseudonymOf).Copy(new MemoryStream(bytes), target);
                }
                catch (VolumeException)
                {
                    refused++;
                }
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
                Assert.InRange(target.Written, 0, (64L * bytes.Length) + (8 << 20));
            }
        }
        Assert.InRange(refused, Each, files.Length * Each - 1);
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2")]
    [InlineData("1.2.840.10008.1.2.2")]
    [InlineData("1.2.840.10008.1.2.1.99")]
    [InlineData(JpegLossless)]
    public async Task Another_reader_reads_the_copy(string syntax)
    {
        var slice = WithPatient(Series()[0] with { TransferSyntax = syntax });
        slice =
            syntax == JpegLossless
                ? Encapsulated([slice], syntax, p => PixelEncoders.JpegLossless(p, 17)).Single()
                : slice;
        var (instance, bytes) = Copy(slice.ToBytes());
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "copy.dcm");
        await File.WriteAllBytesAsync(file, bytes);
        var start = new ProcessStartInfo("dcmdump", ["--print-all", "--read-file-only", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal((0, ""), (process.ExitCode, await error));
        Assert.Contains($"(0008,0018) UI [{instance.SopInstanceUid}]", output);
        Assert.Contains("(0012,0062) CS [YES]", output);
        Assert.Contains("(7fe0,0010)", output);
    }

    /// <summary>A start, and zeros after it.</summary>
    private sealed class Endless(byte[] start, long zeros) : Stream
    {
        private long _at;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_at < start.Length)
            {
                var got = (int)Math.Min(buffer.Length, start.Length - _at);
                start.AsSpan((int)_at, got).CopyTo(buffer);
                _at += got;
                return got;
            }
            var left = (int)Math.Min(buffer.Length, start.Length + zeros - _at);
            buffer[..left].Clear();
            _at += left;
            return left;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }

    /// <summary>Counts what is written, and keeps nothing.</summary>
    private sealed class Counter : Stream
    {
        public long Written { get; private set; }

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => Written;
        public override long Position
        {
            get => Written;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Written += count;

        public override void Write(ReadOnlySpan<byte> buffer) => Written += buffer.Length;

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
