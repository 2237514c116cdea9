using CsCheck;

namespace Platform.Imaging.Tests;

public class LabelMeasuresTests
{
    private static readonly VolumeGeometry Cube = VolumeGeometry.Ras((20, 20, 20), (1, 2, 0.5));

    [Fact]
    public void Overlaps_equal_counting_one_label_at_a_time() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 1000])
            .Sample(
                (first, second) =>
                {
                    var (a, b) = (Phantoms.Balls(Cube, first), Phantoms.Balls(Cube, second));
                    foreach (var overlap in LabelMeasures.Overlaps(a, b))
                    {
                        Assert.Equal(LabelMeasures.Dice(a, b, overlap.Label), overlap.Dice, 1e-12);
                        Assert.Equal(a.Voxels.Count(v => v == overlap.Label), overlap.First);
                    }
                },
                iter: 30
            );

    [Fact]
    public void A_map_agrees_with_itself_fully_and_lies_at_no_distance()
    {
        var balls = Phantoms.Balls(Cube, 3);
        Assert.All(LabelMeasures.Overlaps(balls, balls), overlap => Assert.Equal(1, overlap.Dice));
        Assert.Equal(new SurfaceDistances(0, 0, 0), SurfaceDistances.Between(balls, balls, 12));
        Assert.Null(SurfaceDistances.Between(balls, balls, 200));
    }

    [Fact]
    public void Volume_is_in_millilitres()
    {
        var volume = new Volume<byte>(Cube);
        volume.Voxels.AsSpan(0, 3000).Fill(7);
        Assert.Equal(3.0, LabelMeasures.Millilitres(volume)[7], 1e-9);
    }

    [Fact]
    public void Percentiles_equal_sorting() =>
        Gen.Float[-1e6f, 1e6f]
            .Array[1, 300]
            .Sample(
                values =>
                {
                    var sorted = values.Order().ToArray();
                    foreach (var p in new[] { 0.0, 13, 50, 99, 100 })
                    {
                        var at = p / 100 * (sorted.Length - 1);
                        var (low, high) = (sorted[(int)at], sorted[(int)Math.Ceiling(at)]);
                        var expected = (float)(low + ((double)high - low) * (at - Math.Floor(at)));
                        Assert.Equal(expected, Intensities.Percentiles(values, p)[0]);
                    }
                },
                iter: 100
            );
}
