using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>Tomograms of nuclear medicine: frames without functional groups, numbered by a slice vector.</summary>
public class StackedFramesTests
{
    private const int Frames = 3;

    /// <summary>Three frames, stored as slices 2, 3 and 1; the detector's item says where the first lies.</summary>
    public static DicomSliceFile Tomogram { get; } = WithSpacing("4.5");

    private static DicomSliceFile WithSpacing(string spacing, params ushort[] numbers) =>
        new()
        {
            HasFramesInOneStack = true,
            NumberOfFrames = Frames,
            Position = [10, -20, 30],
            Elements =
            [
                (0x0018_0088, "DS", DicomSliceFile.Words(spacing)),
                (0x0028_0009, "AT", [0x54, 0, 0x80, 0]),
                (
                    0x0054_0080,
                    "US",
                    [
                        .. (numbers.Length == 0 ? [2, 3, 1] : numbers).SelectMany(
                            BitConverter.GetBytes
                        ),
                    ]
                ),
            ],
            Pixels = [.. Enumerable.Range(0, 48 * Frames).Select(n => 100 * (n / 48) + n % 48)],
        };

    private static VolumeException Refused(VolumeFault fault, DicomSliceFile file)
    {
        var refusal = Assert.Throws<VolumeException>(() => DicomSeries.Open([file.Opener()]));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    [Theory]
    [InlineData("4.5", 30, 2, 0, 1)]
    [InlineData("-4.5", 21, 1, 0, 2)]
    public void Frames_are_stacked_from_the_first_by_their_numbers(
        string spacing,
        double z,
        int k0,
        int k1,
        int k2
    )
    {
        var volume = DicomSeries.ReadVolume([WithSpacing(spacing).Opener()]);
        Assert.Equal((8, 6, Frames), volume.Geometry.Shape);
        Assert.Equal(
            new double[] { -1.25, 0, 0, -10, 0, -1.5, 0, 20, 0, 0, 4.5, z },
            volume.Geometry.Affine.ToArray()
        );
        int[] stored = [k0, k1, k2];
        for (var k = 0; k < Frames; k++)
        {
            Assert.Equal(100 * stored[k] + 17, volume[1, 2, k]);
        }
    }

    [Fact]
    public void What_a_slice_vector_does_not_place_is_refused()
    {
        Assert.Contains(
            "numbers 2 frames",
            Refused(VolumeFault.CorruptData, WithSpacing("4", 1, 2)).Message
        );
        Assert.Contains(
            "same position",
            Refused(VolumeFault.BadGeometry, WithSpacing("4", 1, 2, 2)).Message
        );
        // Told apart by detector and slice; by time.
        foreach (
            var pointer in new byte[][]
            {
                [0x54, 0, 0x20, 0, 0x54, 0, 0x80, 0],
                [0x18, 0, 0x63, 0x10],
            }
        )
        {
            Assert.Contains(
                "slice vector",
                Refused(
                    VolumeFault.UnsupportedFormat,
                    Tomogram with
                    {
                        Elements =
                        [
                            .. Tomogram.Elements.Where(element => element.Tag != 0x0028_0009),
                            (0x0028_0009, "AT", pointer),
                        ],
                    }
                ).Message
            );
        }
    }
}
