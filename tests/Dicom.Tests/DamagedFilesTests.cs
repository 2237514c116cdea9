using System.Buffers.Binary;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Untrusted bytes: whatever they are, the answer is a volume or a refusal that says what is wrong.</summary>
public class DamagedFilesTests
{
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
            slices[1] with
            {
                FramePositions =
                [
                    [0, 0, 1],
                    [0, 0, 2],
                ],
                Pixels = [.. slices[1].Pixels!, .. slices[2].Pixels!],
            },
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
                try
                {
                    using var stream = new MemoryStream(bytes);
                    var image = DicomImage.Read(stream);
                    stream.Position = 0;
                    // No length is believed that the bytes sent cannot fill.
                    var format = image.Slices[0].Format;
                    var most = (64L * bytes.Length) + (8 << 20);
                    Assert.InRange((long)format.FrameBytes * image.Slices.Count, 1, most);
                    var values = new float[format.Pixels];
                    image.ReadValues(
                        stream,
                        [.. Enumerable.Range(0, image.Slices.Count)],
                        _ => values,
                        new byte[2 * format.Pixels]
                    );
                    DicomSeries.ReadVolume([
                        () => new MemoryStream(first),
                        () => new MemoryStream(bytes),
                    ]);
                }
                catch (VolumeException)
                {
                    refused++;
                }
            }
        }
        Assert.InRange(refused, Each, files.Length * Each - 1);
    }
}
