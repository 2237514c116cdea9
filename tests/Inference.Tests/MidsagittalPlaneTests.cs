using Platform.Imaging;
using Platform.Inference;

namespace Inference.Tests;

public sealed class MidsagittalPlaneTests
{
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0)]
    [InlineData(20, 0, 0, 0, 0, 0)]
    [InlineData(-20, 0, 0, 15, 0, 0)]
    [InlineData(0, 20, 0, -15, 10, 5)]
    [InlineData(0, -20, 10, 0, 0, 0)]
    [InlineData(14, 14, -20, 10, -10, 10)]
    [InlineData(-12, 17, 20, -20, 5, -5)]
    public void Sides_are_told_apart_in_a_turned_and_shifted_head(
        double yaw,
        double roll,
        double pitch,
        double x,
        double y,
        double z
    )
    {
        var (classes, sides) = HeadPhantom.Make(yaw, roll, pitch, (x, y, z), (2, 2, 2));
        Assert.True(Agreement(classes, sides) > 0.985, $"{Agreement(classes, sides):p2}");
    }

    [Fact]
    public void Thick_slices_do_not_confuse_the_sides()
    {
        var (classes, sides) = HeadPhantom.Make(9, -7, 12, (6, 0, 0), (1, 1, 5));
        Assert.True(Agreement(classes, sides) > 0.985, $"{Agreement(classes, sides):p2}");
    }

    [Fact]
    public void Real_brains_are_parted_too_where_they_are_at_hand()
    {
        // Left FreeSurfer labels and their right partners.
        (byte Left, byte Right)[] pairs =
        [
            (4, 43),
            (10, 49),
            (11, 50),
            (12, 51),
            (13, 52),
            (17, 53),
            (18, 54),
            (26, 58),
            (28, 60),
        ];
        var folder = Path.Combine(
            Environment.GetEnvironmentVariable("PLATFORM_DATA") ?? "",
            "brain-labels"
        );
        foreach (var n in Directory.Exists(folder) ? new[] { 2, 17 } : [])
        {
            using var stream = File.OpenRead(Path.Combine(folder, $"training_seg_{n:00}.nii.gz"));
            var brain = NiftiReader.ReadImage(stream);
            foreach (var (yaw, roll) in new[] { (18, -12), (-15, 20) })
            {
                var turned = new Volume<byte>(
                    new VolumeGeometry(
                        brain.Geometry.Shape,
                        HeadPhantom.Turned(brain.Geometry.Affine, yaw, roll)
                    ),
                    [.. brain.Voxels.Select(v => v > 255 ? (byte)0 : (byte)v)]
                );
                var labels = Resampler.Nearest(
                    turned,
                    VolumeGeometry.Ras((120, 128, 128), (2, 2, 2), (-120, -128, -128))
                );
                var (classes, sides) = (
                    new Volume<byte>(labels.Geometry),
                    new Volume<byte>(labels.Geometry)
                );
                for (var at = 0; at < labels.Voxels.Length; at++)
                {
                    var label = labels.Voxels[at];
                    var pair = Array.FindIndex(pairs, p => p.Left == label || p.Right == label);
                    classes.Voxels[at] = (byte)(
                        pair >= 0 ? pair + 1
                        : label is 2 or 41 ? 20
                        : 0
                    );
                    sides.Voxels[at] = (byte)(
                        pair < 0 ? 0
                        : pairs[pair].Left == label ? 1
                        : 2
                    );
                }
                Assert.Contains(sides.Voxels, v => v == 2);
                Assert.True(
                    Agreement(classes, sides) > 0.98,
                    $"brain {n}, yaw {yaw}, roll {roll}: {Agreement(classes, sides):p2}"
                );
            }
        }
    }

    [Fact]
    public void Without_labels_there_is_still_a_plane()
    {
        var plane = MidsagittalPlane.Estimate(
            new Volume<byte>(VolumeGeometry.Ras((4, 4, 4), (2, 2, 2)))
        );
        Assert.Equal(1, plane.Normal.X);
    }

    /// <summary>Share of the paired structures' voxels on the side the plane says.</summary>
    private static double Agreement(Volume<byte> classes, Volume<byte> sides)
    {
        var plane = MidsagittalPlane.Estimate(classes);
        var (sizeI, sizeJ, _) = classes.Geometry.Shape;
        var (right, all) = (0, 0);
        for (var n = 0; n < sides.Voxels.Length; n++)
        {
            if (sides.Voxels[n] != 0)
            {
                var world = classes.Geometry.ToWorld(
                    n % sizeI,
                    n / sizeI % sizeJ,
                    n / (sizeI * sizeJ)
                );
                all++;
                right += plane.Distance(world) > 0 == (sides.Voxels[n] == 2) ? 1 : 0;
            }
        }
        return (double)right / all;
    }
}
