using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>Series that tests of transfer syntaxes share.</summary>
internal static class SyntaxSeries
{
    public const string RunLength = "1.2.840.10008.1.2.5";
    public const string JpegLossless = "1.2.840.10008.1.2.4.57";
    public const string Deflated = "1.2.840.10008.1.2.1.99";

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

    public static DicomSliceFile[] Series(int bits = 16) =>
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

    public static Volume<float> Read(IEnumerable<DicomSliceFile> slices) =>
        DicomSeries.ReadVolume(slices.Select(slice => slice.Opener()));

    public static void AssertPixels(DicomSliceFile[] expected, IEnumerable<DicomSliceFile> slices)
    {
        var values = expected.SelectMany(s => s.Pixels!).Select(p => (float)p);
        Assert.Equal(values, Read(slices).Voxels);
    }

    public static VolumeException Refused(VolumeFault fault, IEnumerable<DicomSliceFile> slices)
    {
        var refusal = Assert.Throws<VolumeException>(() => Read(slices));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    public static IEnumerable<DicomSliceFile> Encapsulated(
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

    public static byte[] Even(byte[] bytes) => bytes.Length % 2 == 0 ? bytes : [.. bytes, 0];
}
