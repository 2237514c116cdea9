using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>Enhanced images (PS3.3 section C.7.6.16): many frames in one instance, each with functional groups.</summary>
public class EnhancedTests
{
    private const int Frames = 5;
    private const int Pixels = 48;

    private static readonly DicomSliceFile Image = new()
    {
        // Stored from the middle outwards.
        FramePositions = [.. Order.Select(k => new double[] { 10, -20, 2.5 * k })],
        FrameSlopes = [.. Order.Select(k => k + 1.0)],
        Pixels = [.. Order.SelectMany(k => Enumerable.Range(0, Pixels).Select(p => 100 * k + p))],
        SequenceDepth = 2,
    };

    private static int[] Order => [2, 3, 1, 4, 0];

    private static Volume<float> Read(params DicomSliceFile[] files) =>
        DicomSeries.ReadVolume(files.Select(file => file.Opener()));

    private static VolumeException Refused(VolumeFault fault, params DicomSliceFile[] files)
    {
        var refusal = Assert.Throws<VolumeException>(() => Read(files));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    private static byte[][] Encode(Func<int[], byte[]> encode) =>
        [.. Image.Pixels!.Chunk(Pixels).Select(encode)];

    private static byte[] Even(byte[] bytes) => bytes.Length % 2 == 0 ? bytes : [.. bytes, 0];

    private static void AssertFrames(DicomSliceFile image)
    {
        var volume = Read(image);
        Assert.Equal((8, 6, Frames), volume.Geometry.Shape);
        Assert.Equal(
            new double[] { -1.25, 0, 0, -10, 0, -1.5, 0, 20, 0, 0, 2.5, 0 },
            volume.Geometry.Affine.ToArray()
        );
        Assert.Equal(
            Enumerable
                .Range(0, Frames)
                .SelectMany(k => Enumerable.Range(0, Pixels).Select(p => (k + 1f) * (100 * k + p))),
            volume.Voxels
        );
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2")]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2.2")]
    [InlineData("1.2.840.10008.1.2.1.99")]
    public void Each_frame_has_its_place_and_slope(string syntax) =>
        AssertFrames(Image with { TransferSyntax = syntax });

    [Fact]
    public void Run_lengths_are_a_fragment_a_frame() =>
        AssertFrames(
            Image with
            {
                TransferSyntax = "1.2.840.10008.1.2.5",
                Fragments =
                [
                    [],
                    .. Encode(p => PixelEncoders.RunLength(p, 16)),
                ],
            }
        );

    [Fact]
    public void Jpeg_frames_of_many_fragments_are_told_apart_by_the_offset_table_or_their_first_marker()
    {
        var frames = Encode(p => Even(PixelEncoders.JpegLossless(p, 8)))
            .Select(frame => frame.Chunk(30).ToArray())
            .ToArray();
        var offsets = new List<byte>();
        var offset = 0;
        foreach (var frame in frames)
        {
            offsets.AddRange(BitConverter.GetBytes(offset));
            offset += frame.Sum(fragment => fragment.Length + 8);
        }
        foreach (var table in new byte[][] { [], [.. offsets] })
        {
            AssertFrames(
                Image with
                {
                    TransferSyntax = "1.2.840.10008.1.2.4.70",
                    Fragments = [table, .. frames.SelectMany(frame => frame)],
                }
            );
        }
    }

    [Fact]
    public void Several_instances_of_many_frames_are_one_volume()
    {
        var above = Image with
        {
            SopInstanceUid = "1.2.3.4.6",
            FramePositions = [.. Order.Select(k => new double[] { 10, -20, 2.5 * (k + Frames) })],
        };
        var volume = Read(above, Image);
        Assert.Equal((8, 6, 2 * Frames), volume.Geometry.Shape);
        Assert.Equal(volume[3, 2, 1], volume[3, 2, 1 + Frames]);
        Assert.Equal(2 * 119, volume[3, 2, 1]);
    }

    [Fact]
    public void What_is_not_one_stack_is_refused()
    {
        Assert.Contains(
            "2 stacks",
            Refused(
                VolumeFault.NotAVolume,
                Image with
                {
                    FrameStacks = ["1", "1", "2", "1", "1"],
                }
            ).Message
        );
        var positions = Image.FramePositions!.ToArray();
        positions[1] = positions[0];
        Assert.Contains(
            "same position",
            Refused(VolumeFault.BadGeometry, Image with { FramePositions = positions }).Message
        );
        Assert.Contains(
            "NumberOfFrames is 4",
            Refused(VolumeFault.UnsupportedFormat, Image with { NumberOfFrames = 4 }).Message
        );
    }

    [Fact]
    public void Missing_frames_are_refused()
    {
        Assert.Contains(
            "4 of 5 frames",
            Refused(
                VolumeFault.CorruptData,
                Image with
                {
                    TransferSyntax = "1.2.840.10008.1.2.5",
                    Fragments =
                    [
                        [],
                        .. Encode(p => PixelEncoders.RunLength(p, 16)).Take(4),
                    ],
                }
            ).Message
        );
        Assert.Contains(
            "offset table",
            Refused(
                VolumeFault.CorruptData,
                Image with
                {
                    TransferSyntax = "1.2.840.10008.1.2.5",
                    Fragments = [new byte[8], .. Encode(p => PixelEncoders.RunLength(p, 16))],
                }
            ).Message
        );
    }
}
