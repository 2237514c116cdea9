using CsCheck;

namespace Platform.Imaging.Tests;

public class LabelResamplerTests
{
    private static readonly VolumeGeometry Fine = VolumeGeometry.Ras(
        (41, 33, 29),
        (1, 1.1, 0.9),
        (-20, -15, 3)
    );

    public static TheoryData<string> Targets => ["finer", "turned", "wider", "oblique"];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Each_label_is_the_class_of_the_largest_resampled_score(string kind)
    {
        var target = kind switch
        {
            "finer" => Fine,
            "turned" => Orienter.ToOrientation(Fine, "SLP"),
            "wider" => VolumeGeometry.Ras((50, 40, 35), (1, 1.1, 0.9), (-25, -18, 0)),
            _ => new VolumeGeometry(
                (30, 28, 26),
                [1, 0.2, 0, -17, -0.2, 1, 0.1, -10, 0, -0.1, 1, 5]
            ),
        };
        const int Channels = 5;
        var coarse = Resampler.ToSpacing(Fine, (2, 2, 2));
        var voxels = (int)coarse.VoxelCount;
        var logits = new float[Channels * voxels];
        var scores = new Volume<float>[Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            var noise = Phantoms.Noise(coarse, channel);
            noise.Voxels.CopyTo(logits, channel * voxels);
            scores[channel] = Resampler.Linear(noise, target, outside: -1, antiAlias: false);
        }
        var labels = LabelResampler.ArgmaxLinear(logits, coarse, target);
        Assert.Equal(target, labels.Geometry);
        for (var n = 0; n < labels.Voxels.Length; n++)
        {
            var best = scores.Max(score => score.Voxels[n]);
            if (best < 0)
            {
                Assert.Equal(0, labels.Voxels[n]);
            }
            else
            {
                Assert.InRange(best - scores[labels.Voxels[n]].Voxels[n], 0, 0.01f);
            }
        }
    }

    [Fact]
    public void The_vector_argmax_equals_the_scalar_for_every_length() =>
        Gen.Select(Gen.Int[0, 130], Gen.Int[0, 99])
            .Sample(
                (length, seed) =>
                {
                    var random = new Random(seed);
                    var values = new float[length];
                    var other = new float[length];
                    var best = new float[length];
                    var labels = new byte[length];
                    for (var n = 0; n < length; n++)
                    {
                        (values[n], other[n], best[n]) = (
                            random.Next(4),
                            random.Next(4),
                            random.Next(4)
                        );
                    }
                    var (expectedBest, expected) = ((float[])best.Clone(), (byte[])labels.Clone());
                    for (var n = 0; n < length; n++)
                    {
                        LabelResampler.Largest(
                            values.AsSpan(n, 1),
                            0.75f,
                            other.AsSpan(n, 1),
                            0.25f,
                            expectedBest.AsSpan(n, 1),
                            expected.AsSpan(n, 1),
                            200
                        );
                    }
                    LabelResampler.Largest(values, 0.75f, other, 0.25f, best, labels, 200);
                    Assert.Equal(expectedBest, best);
                    Assert.Equal(expected, labels);
                }
            );
}
