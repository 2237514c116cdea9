using Platform.Imaging;
using Platform.Inference;

namespace Inference.Tests;

public sealed class IslandsTests
{
    private const int Channels = 4;
    private static readonly VolumeGeometry Grid = VolumeGeometry.Ras((24, 20, 16), (2, 2, 2));

    [Fact]
    public void What_does_not_hang_together_with_the_brain_is_background_whatever_its_structure()
    {
        var classes = Heads();
        var kept = Heads();
        Islands.KeepLargestForeground(Scores(classes), kept);
        for (var n = 0; n < kept.Voxels.Length; n++)
        {
            var brain = n % 24 < 12;
            Assert.Equal(brain ? classes.Voxels[n] : 0, kept.Voxels[n]);
        }
        Assert.Equal(3, kept.Voxels.Where(v => v != 0).Distinct().Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.7)]
    [InlineData(3)]
    public void On_any_grid_islands_are_gone_and_everything_away_from_them_is_as_before(
        double spacing
    )
    {
        var classes = Heads();
        var before = Scores(classes);
        var after = Scores(classes);
        var kept = Heads();
        Islands.KeepLargestForeground(after, kept);
        var fine = Resampler.ToSpacing(Grid, (spacing, spacing, spacing));
        var was = LabelResampler.ArgmaxLinear(before, Grid, fine);
        var now = LabelResampler.ArgmaxLinear(after, Grid, fine);
        var inverse = Grid.InverseAffine();
        var (sizeI, sizeJ, _) = fine.Shape;
        for (var n = 0; n < now.Voxels.Length; n++)
        {
            var (x, _, _) = fine.ToWorld(n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ));
            var i = inverse[0] * x + inverse[3];
            if (i <= 11)
            {
                Assert.Equal(was.Voxels[n], now.Voxels[n]);
            }
            else if (i >= 13)
            {
                Assert.Equal(0, now.Voxels[n]);
            }
        }
        Assert.Contains(was.Voxels.Zip(now.Voxels), v => v.First != v.Second);
    }

    [Fact]
    public void Nothing_but_background_stays_so()
    {
        var classes = new Volume<byte>(Grid);
        var scores = Scores(classes);
        var before = scores.ToArray();
        Islands.KeepLargestForeground(scores, classes);
        Assert.Equal(before, scores);
    }

    /// <summary>
    /// A brain of three touching structures in i below 12; beyond, islands of the same ones: one that touches it only by an edge, one apart.
    /// </summary>
    private static Volume<byte> Heads()
    {
        var classes = new Volume<byte>(Grid);
        for (var n = 0; n < classes.Voxels.Length; n++)
        {
            var (i, j, k) = (n % 24, n / 24 % 20, n / (24 * 20));
            classes.Voxels[n] =
                i is >= 4 and < 12 && j is >= 4 and < 12 && k is >= 4 and < 12 ? (byte)(1 + i / 4)
                : i == 12 && j is >= 12 and < 14 && k == 8 ? (byte)1
                : i is >= 18 and < 22 && j is >= 4 and < 9 && k is >= 4 and < 9 ? (byte)(1 + i % 2)
                : (byte)0;
        }
        classes[4, 4, 4] = 1;
        return classes;
    }

    /// <summary>Random scores whose winner is the class.</summary>
    private static float[] Scores(Volume<byte> classes)
    {
        var random = new Random(5);
        var voxels = classes.Voxels.Length;
        var scores = new float[Channels * voxels];
        foreach (ref var score in scores.AsSpan())
        {
            score = random.NextSingle();
        }
        for (var n = 0; n < voxels; n++)
        {
            scores[classes.Voxels[n] * voxels + n] += 1;
        }
        return scores;
    }
}
