using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Inference.Tests;

public sealed class SegmenterTests
{
    /// <summary>The threshold network on this manifest: voxels brighter than 0.5 normalised units become label 1.</summary>
    private static readonly byte[] Bright = TinyNetwork.Threshold(0.5f);

    [Theory]
    [InlineData("RAS", 1, 1, 1)]
    [InlineData("LPS", 1, 1, 1)]
    [InlineData("PIR", 1, 1.5, 0.8)]
    [InlineData("RAS", 0.9, 0.9, 5)]
    [InlineData("ASL", 3, 3, 3)]
    public void A_bright_ball_is_found_on_the_images_own_grid(
        string orientation,
        double i,
        double j,
        double k
    )
    {
        var image = Orienter.ToOrientation(Ball(120, (i, j, k), 25), orientation);
        var (labels, seconds) = Segment(Manifests.Segmentation(Bright), Bright, image);
        Assert.Equal(image.Geometry, labels.Geometry);
        var wrong = 0;
        var truth = 0;
        for (var n = 0; n < labels.Voxels.Length; n++)
        {
            var inside = image.Voxels[n] > 600;
            truth += inside ? 1 : 0;
            wrong += inside != (labels.Voxels[n] == 1) ? 1 : 0;
        }
        // The shell within half a voxel of the network's 2 mm grid is open: 3 · 1 mm / 25 mm, and more where voxels are thick.
        Assert.True(wrong < 0.25 * truth, $"{wrong} voxels wrong of {truth}");
        Assert.Equal(["infer", "prepare", "restore"], seconds.Keys.Order());
    }

    /// <summary>Thick slices of any direction stay as they are where the manifest says so: a ball is found to within a voxel of its plane in every slice.</summary>
    [Theory]
    [InlineData("RAS")]
    [InlineData("SAR")]
    [InlineData("LIP")]
    public void Thick_slices_stay_as_they_are(string orientation)
    {
        var image = Orienter.ToOrientation(Ball(120, (1.4, 1.4, 9), 25), orientation);
        var manifest = Manifests.Segmentation(Bright);
        manifest = manifest with
        {
            Input = manifest.Input with { Orientation = SliceAxis.Last, SpacingMm = [1.4, 1.4, 0] },
        };
        var (labels, _) = Segment(manifest, Bright, image);
        // On its own grid nothing is interpolated: what is bright is found exactly.
        Assert.Equal(image.Voxels.Select(value => value > 600 ? (byte)1 : (byte)0), labels.Voxels);
    }

    [Theory]
    [InlineData(3, 2, 2)]
    [InlineData(1, 9, 2)]
    [InlineData(6, 5, 4)]
    public void A_volume_smaller_than_a_tile_is_segmented(int i, int j, int k)
    {
        var image = new Volume<float>(VolumeGeometry.Ras((i, j, k), (2, 2, 2)));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            image.Voxels[n] = n * 7 % 11;
        }
        var (labels, _) = Segment(Manifests.Segmentation(Bright), Bright, image);
        Assert.Equal(image.Geometry, labels.Geometry);
    }

    [Fact]
    public void A_constant_image_is_refused()
    {
        var image = new Volume<float>(VolumeGeometry.Ras((10, 10, 10), (2, 2, 2)));
        var e = Assert.Throws<VolumeException>(() =>
            Segment(Manifests.Segmentation(Bright), Bright, image)
        );
        Assert.Equal(VolumeFault.BadVoxels, e.Fault);
    }

    [Fact]
    public void Only_the_largest_component_stays_where_the_manifest_says_so()
    {
        var image = Ball(100, (2, 2, 2), 24);
        Paint(image, (-35, -35, -35), 6);
        var manifest = Manifests.Segmentation(Bright);
        var both = Segment(manifest, Bright, image).Volume;
        var one = Segment(
            manifest with
            {
                Labels = [manifest.Labels[0] with { LargestComponentOnly = true }],
            },
            Bright,
            image
        ).Volume;
        var island = (7, 7, 7);
        Assert.Equal(1, both[island.Item1, island.Item2, island.Item3]);
        Assert.Equal(0, one[island.Item1, island.Item2, island.Item3]);
        Assert.Equal(1, one[25, 25, 25]);
        Assert.Equal(Count(both, 1) - Count(one, 1), Count(both, 1, 15));
    }

    [Fact]
    public void What_is_detached_from_the_largest_foreground_goes_in_tiles_as_in_one()
    {
        var image = Ball(100, (1, 1, 1), 24);
        Paint(image, (-35, -35, -35), 6);
        var manifest = Manifests.Segmentation(Bright) with { LargestForegroundOnly = true };
        var labels = Segment(manifest, Bright, image).Volume;
        Assert.Equal(0, labels[15, 15, 15]);
        Assert.Equal(1, labels[50, 50, 50]);
        Assert.Equal(0, Count(labels, 1, 25));
        var tiles = manifest with { Tiling = manifest.Tiling with { MaxTile = [24, 32, 24] } };
        Assert.Equal(labels.Voxels, Segment(tiles, Bright, image).Volume.Voxels);
    }

    [Fact]
    public void Left_and_right_share_a_channel_and_are_told_apart_by_their_symmetry()
    {
        // Two balls, mirrored about a plane that is tilted by 15° and lies at x = 12 mm.
        var image = Ball(150, (2, 2, 2), 0);
        var (sin, cos) = Math.SinCos(15 * Math.PI / 180);
        Paint(image, (12 - 34 * cos, -34 * sin, 4), 26);
        Paint(image, (12 + 34 * cos, 34 * sin, 4), 26);
        Paint(image, (12, 0, -40), 12);
        var manifest = Manifests.Segmentation(Bright) with
        {
            Labels = [Label(10, "left"), Label(20, "right")],
        };
        var labels = Segment(manifest, Bright, image).Volume;
        var inverse = image.Geometry.InverseAffine();
        Assert.Equal(10, At(12 - 34 * cos, -34 * sin, 4));
        Assert.Equal(20, At(12 + 34 * cos, 34 * sin, 4));
        Assert.InRange((double)Count(labels, 10) / Count(labels, 20), 0.95, 1.05);

        // Of a channel with sides, the largest on each side stays: both large balls, not the small one in the middle.
        var largest = manifest with
        {
            Labels = [.. manifest.Labels.Select(l => l with { LargestComponentOnly = true })],
        };
        var kept = Segment(largest, Bright, image).Volume;
        Assert.NotEqual(0, At(12, 0, -40));
        labels = kept;
        Assert.Equal(0, At(12, 0, -40));
        Assert.Equal(10, At(12 - 34 * cos, -34 * sin, 4));
        Assert.Equal(20, At(12 + 34 * cos, 34 * sin, 4));

        static ModelLabel Label(int value, string side) =>
            new()
            {
                Channel = 1,
                Value = value,
                Name = side,
                Side = side,
            };

        int At(double x, double y, double z) =>
            labels[
                (int)Math.Round(inverse[0] * x + inverse[3]),
                (int)Math.Round(inverse[5] * y + inverse[7]),
                (int)Math.Round(inverse[10] * z + inverse[11])
            ];
    }

    [Fact]
    public void The_same_image_gives_the_same_labels_with_any_number_of_threads_and_again()
    {
        var onnx = TinyNetwork.UNet(5);
        var manifest = Manifests.Segmentation(onnx) with
        {
            Labels = [.. Enumerable.Range(1, 4).Select(Label)],
        };
        var image = Ball(97, (1.3, 1.1, 1.2), 30);
        var random = new Random(3);
        foreach (ref var voxel in image.Voxels.AsSpan())
        {
            voxel += random.NextSingle() * 300;
        }
        using var one = new OnnxModel(
            Manifests.Package(manifest, onnx),
            new OnnxOptions { Threads = 1 }
        );
        using var two = new OnnxModel(
            Manifests.Package(manifest, onnx),
            new OnnxOptions { Threads = 2 }
        );
        var labels = new Segmenter(one).Run(image).Volume.Voxels;
        Assert.True(labels.Distinct().Count() > 1);
        Assert.Equal(labels, new Segmenter(one).Run(image).Volume.Voxels);
        Assert.Equal(labels, new Segmenter(two).Run(image).Volume.Voxels);

        static ModelLabel Label(int channel) =>
            new()
            {
                Channel = channel,
                Value = channel,
                Name = $"{channel}",
                LargestComponentOnly = channel == 2,
            };
    }

    [Fact]
    public void A_second_channel_is_seen_and_a_missing_one_is_zero_everywhere()
    {
        var onnx = TinyNetwork.ThresholdOfSum(4);
        var manifest = Manifests.Segmentation(onnx) with
        {
            Input = Manifests.Segmentation(onnx).Input with
            {
                Channels = ["FLAIR", "T1"],
                OptionalChannels = ["T1"],
            },
        };
        using var model = new OnnxModel(Manifests.Package(manifest, onnx));
        var segmenter = new Segmenter(model);
        var (first, second) = (Ball(100, (2, 2, 2), 24), Ball(100, (2, 2, 2), 18));
        var both = Labels([first, second]);
        var alone = Labels([first, null]);
        Assert.Equal(alone, segmenter.Run(first).Volume.Voxels);
        // The first channel's ball is some 3 deviations bright, the second's 5: their sum passes where both are bright.
        Assert.DoesNotContain((byte)1, alone);
        Assert.Contains((byte)1, both);
        Assert.True(both.Count(v => v == 1) < first.Voxels.Count(v => v > 600));

        var elsewhere = Ball(90, (2, 2, 2), 12);
        var e = Assert.Throws<VolumeException>(() => segmenter.Prepare([first, elsewhere]));
        Assert.Equal(VolumeFault.BadGeometry, e.Fault);
        Assert.Contains("T1", e.Message, StringComparison.Ordinal);

        byte[] Labels(Volume<float>?[] images) =>
            segmenter
                .Restore(images[0]!, segmenter.Infer(segmenter.Prepare(images), default))
                .Voxels;
    }

    private static ModelResult<byte> Segment(
        ModelManifest manifest,
        byte[] onnx,
        Volume<float> image
    )
    {
        using var model = new OnnxModel(Manifests.Package(manifest, onnx));
        return new Segmenter(model).Run(image);
    }

    /// <summary>A bright ball in a dim cube in air.</summary>
    private static Volume<float> Ball(
        double extentMm,
        (double I, double J, double K) spacing,
        double radiusMm
    )
    {
        var half = -extentMm / 2;
        var image = new Volume<float>(
            VolumeGeometry.Ras(
                (
                    (int)(extentMm / spacing.I),
                    (int)(extentMm / spacing.J),
                    (int)(extentMm / spacing.K)
                ),
                spacing,
                (half + spacing.I / 2, half + spacing.J / 2, half + spacing.K / 2)
            )
        );
        var (sizeI, sizeJ, sizeK) = image.Geometry.Shape;
        for (var k = 0; k < sizeK; k++)
        {
            for (var j = 0; j < sizeJ; j++)
            {
                for (var i = 0; i < sizeI; i++)
                {
                    var (x, y, z) = image.Geometry.ToWorld(i, j, k);
                    var dim = Math.Max(Math.Abs(x), Math.Max(Math.Abs(y), Math.Abs(z))) < -half - 6;
                    image[i, j, k] = dim ? 300 : 0;
                }
            }
        }
        Paint(image, (0, 0, 0), radiusMm);
        return image;
    }

    private static void Paint(
        Volume<float> image,
        (double X, double Y, double Z) centre,
        double radiusMm
    )
    {
        var (sizeI, sizeJ, _) = image.Geometry.Shape;
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (x, y, z) = image.Geometry.ToWorld(
                n % sizeI,
                n / sizeI % sizeJ,
                n / (sizeI * sizeJ)
            );
            var (dx, dy, dz) = (x - centre.X, y - centre.Y, z - centre.Z);
            if (dx * dx + dy * dy + dz * dz < radiusMm * radiusMm)
            {
                image.Voxels[n] = 1000;
            }
        }
    }

    /// <summary>Voxels of a value; with <paramref name="below"/>, those whose three indices are all below it.</summary>
    private static int Count(Volume<byte> labels, byte value, int below = int.MaxValue)
    {
        var (sizeI, sizeJ, _) = labels.Geometry.Shape;
        return labels
            .Voxels.Where(
                (v, n) =>
                    v == value
                    && n % sizeI < below
                    && n / sizeI % sizeJ < below
                    && n / (sizeI * sizeJ) < below
            )
            .Count();
    }
}
