using CsCheck;

namespace Platform.Imaging.Tests;

public class OrienterTests
{
    private static readonly Gen<string> Orientation = Gen.Select(
            Gen.Shuffle(new[] { "RL", "AP", "SI" }),
            Gen.Int[0, 1].Array[3]
        )
        .Select((axes, ends) => string.Concat(axes.Select((axis, n) => axis[ends[n]])));

    [Fact]
    public void Turning_keeps_every_value_at_its_place_in_the_world_and_back_is_exact() =>
        Gen.Select(
                Orientation,
                Orientation,
                Gen.Int[1, 70],
                Gen.Int[1, 40],
                Gen.Int[1, 40],
                Gen.Int[0, 1000]
            )
            .Sample(
                (from, to, ni, nj, nk, seed) =>
                {
                    var ras = new VolumeGeometry(
                        (ni, nj, nk),
                        [0.9, 0.1, 0, 5, -0.1, 1.2, 0.2, -7, 0, -0.2, 3, 11]
                    );
                    var original = Phantoms.Noise(Orienter.ToOrientation(ras, from), seed);
                    var turned = Orienter.ToOrientation(original, to);
                    Assert.Equal(to, turned.Geometry.Orientation);
                    var map = new GridMap(original.Geometry, turned.Geometry).M;
                    var (ti, tj, tk) = turned.Geometry.Shape;
                    for (var n = 0; n < turned.Voxels.Length; n++)
                    {
                        var (i, j, k) = (n % ti, n / ti % tj, n / ti / tj);
                        var (x, y, z) = (
                            (int)Math.Round(map[0] * i + map[1] * j + map[2] * k + map[3]),
                            (int)Math.Round(map[4] * i + map[5] * j + map[6] * k + map[7]),
                            (int)Math.Round(map[8] * i + map[9] * j + map[10] * k + map[11])
                        );
                        Assert.Equal(original[x, y, z], turned.Voxels[n]);
                    }
                    var back = Orienter.Restore(turned, to, original.Geometry);
                    Assert.Equal(original.Geometry, back.Geometry);
                    Assert.Equal(original.Voxels, back.Voxels);
                },
                iter: 150
            );

    [Theory]
    [InlineData("RAR")]
    [InlineData("RA")]
    [InlineData("XYZ")]
    public void What_is_no_orientation_is_refused(string orientation) =>
        Assert.Throws<ArgumentException>(() =>
            Orienter.ToOrientation(VolumeGeometry.Ras((2, 2, 2), (1, 1, 1)), orientation)
        );
}
