using System.Buffers.Binary;
using System.IO.Compression;
using Platform.Testing;
using static Platform.Dicom.Tests.FuzzInputs;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Files in which one thing comes many times: what takes quadratic time or unbounded memory shows in them.</summary>
internal static class LongInputs
{
    /// <summary>Files of megabytes, or that inflate to them, each of one thing many times.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Files()
    {
        var slice = Identified;
        byte[] Before(DicomSliceFile file, byte[] more) =>
            file.ToBytes() is var bytes
                ? [.. bytes[..132], .. Meta(bytes), .. more, .. bytes[(132 + Meta(bytes).Length)..]]
                : [];
        byte[] Meta(byte[] bytes) =>
            bytes[132..(132 + 8 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(138)))];
        byte[] Many(int count, byte[] one) =>
            [.. Enumerable.Repeat(one, count).SelectMany(bytes => bytes)];
        var item = Element(DicomTag.Item, "", 0);
        yield return (
            "elements",
            Before(slice, Many(300_000, [.. Element(0x0008_0008, "CS", 2), 77, 32]))
        );
        yield return (
            "private elements",
            Before(slice, Many(300_000, Element(0x0009_1001, "LO", 0)))
        );
        yield return (
            "empty items",
            Before(
                slice,
                [
                    .. Element(0x0009_1001, "SQ", uint.MaxValue),
                    .. Many(300_000, item),
                    .. Element(DicomTag.SequenceEnd, "", 0),
                ]
            )
        );
        yield return ("sequences", Before(slice, Many(100_000, Nested(1, true))));
        yield return ("nesting", Before(slice, Many(3000, Nested(31, true))));
        yield return (
            "empty frames",
            Before(
                slice,
                [
                    .. Element(DicomTag.PerFrameFunctionalGroups, "SQ", uint.MaxValue),
                    .. Many(65_000, item),
                    .. Element(DicomTag.SequenceEnd, "", 0),
                ]
            )
        );
        foreach (
            var (syntax, fragment) in new[]
            {
                (RunLength, 0),
                (JpegLossless, 0),
                (JpegLossless, 2),
                ("1.2.840.10008.1.2.4.90", 0),
            }
        )
        {
            yield return (
                $"fragments of {fragment} bytes in {syntax}",
                (
                    slice with
                    {
                        TransferSyntax = syntax,
                        Fragments =
                        [
                            [],
                            .. Enumerable.Repeat(new byte[fragment], 200_000),
                        ],
                    }
                ).ToBytes()
            );
        }
        byte[] table = [0xFF, 0xC4, 0, 20, 0, 1, .. new byte[15], 0];
        byte[] jpeg = PixelEncoders.JpegLossless(slice.Pixels!, 17);
        yield return (
            "Huffman tables",
            (
                slice with
                {
                    TransferSyntax = JpegLossless,
                    Fragments =
                    [
                        [],
                        [.. jpeg[..2], .. Many(100_000, table), .. jpeg[2..]],
                    ],
                }
            ).ToBytes()
        );
        var frames = 20_000;
        yield return (
            "frames",
            (
                slice with
                {
                    Rows = 1,
                    Columns = 1,
                    FramePositions =
                    [
                        .. Enumerable.Range(0, frames).Select(n => new double[] { 0, 0, n % 100 }),
                    ],
                    FrameStacks = [.. Enumerable.Repeat("1", frames)],
                    Pixels = new int[frames],
                }
            ).ToBytes()
        );
        foreach (var megabytes in new[] { 1, 100 })
        {
            yield return ($"bomb of {megabytes} MB", Bomb(slice, megabytes << 20));
        }
    }

    private static byte[] Bomb(DicomSliceFile slice, int zeros)
    {
        var head = (slice with { TransferSyntax = Deflated }).ToBytes()[..(132 + 8 + 22)];
        using var deflated = new MemoryStream();
        using (var deflate = new DeflateStream(deflated, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(Element(0x0009_1001, "OB", (uint)zeros));
            deflate.Write(new byte[zeros]);
        }
        return [.. head, .. deflated.ToArray()];
    }
}
