using Platform.Imaging.RandomFields;

namespace Platform.Imaging.Tests;

public class DenseCrfTests
{
    private static readonly DenseCrfOptions Options = new()
    {
        Iterations = 3,
        PositionalWeight = 1.5,
        PositionalDeviationMm = [2, 1.5, 2.5],
        BilateralWeight = 2.5,
        BilateralDeviationMm = [5, 4, 6],
        IntensityDeviation = [0.5],
    };

    /// <summary>Sums over all pairs of voxels, with exact kernels. Without the lattice only the Gaussian's tail beyond four deviations is missing.</summary>
    [Theory]
    [InlineData(0, 1e-4, 1e-5)]
    [InlineData(2.5, 0.12, 0.015)]
    public void It_finds_the_mean_field_of_all_pairs(
        double bilateralWeight,
        double most,
        double mean
    )
    {
        var options = Options with { BilateralWeight = bilateralWeight };
        var (image, _, scores) = Noisy((13, 11, 9), (1, 1.2, 0.8), classes: 3, noise: 1.5);
        var region = Region(image);
        var before = Probabilities(scores, 3);
        var exact = Probabilities(ByPairs(scores, 3, image, region, options), 3);
        DenseCrf.Refine(scores, [image.Voxels], region, options);
        var found = Probabilities(scores, 3);
        double[] off = [.. found.Zip(exact, (a, b) => Math.Abs(a - b))];
        Assert.InRange(off.Max(), 0, most);
        Assert.InRange(off.Average(), 0, mean);
        Assert.True(
            before.Zip(exact, (a, b) => Math.Abs(a - b)).Average() > 0.03,
            "the field changed next to nothing"
        );
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(6, 1.2)]
    public void What_noise_broke_is_mended(int classes, double noise)
    {
        var (image, truth, scores) = Noisy((40, 36, 32), (1, 1, 1), classes, noise);
        var before = Dice(scores, truth);
        DenseCrf.Refine(
            scores,
            [image.Voxels],
            Region(image),
            new() { IntensityDeviation = [0.3] }
        );
        var after = Dice(scores, truth);
        Assert.InRange(before, 0.3, 0.8);
        Assert.True(after > 0.92, $"Dice {before:f3} → {after:f3}");
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        var (image, _, scores) = Noisy((50, 40, 30), (1, 1, 2), classes: 3, noise: 2);
        var alone = Refined(1);
        Assert.Equal(alone, Refined(1));
        Assert.Equal(alone, Refined(2));
        Assert.Equal(alone, Refined(5));
        Assert.NotEqual(alone, scores);

        float[] Refined(int threads)
        {
            float[] own = [.. scores];
            DenseCrf.Refine(own, [image.Voxels], Region(image), Options, threads);
            return own;
        }
    }

    [Fact]
    public void Voxels_outside_the_region_keep_their_scores_and_say_nothing()
    {
        var (image, _, scores) = Noisy((20, 20, 20), (1, 1, 1), classes: 2, noise: 2);
        var region = Region(image);
        for (var n = 0; n < 4000; n++)
        {
            region.Voxels[n] = 0;
        }
        float[] loud = [.. scores];
        loud.AsSpan(8000, 4000).Fill(50);
        float[] before = [.. loud];
        DenseCrf.Refine(scores, [image.Voxels], region, Options);
        DenseCrf.Refine(loud, [image.Voxels], region, Options);
        foreach (var channel in new[] { 0, 8000 })
        {
            Assert.Equal(before[channel..(channel + 4000)], loud[channel..(channel + 4000)]);
            var inside = (channel + 4000)..(channel + 8000);
            Assert.Equal(scores[inside], loud[inside]);
            Assert.NotEqual(before[inside], loud[inside]);
        }
    }

    [Fact]
    public void A_missing_channel_tells_no_voxels_apart()
    {
        var (image, _, scores) = Noisy((16, 16, 16), (1, 1, 1), classes: 2, noise: 2);
        var options = Options with { IntensityDeviation = [0.5, 0.4] };
        var alone = Refined([image.Voxels], Options);
        Assert.Equal(alone, Refined([image.Voxels, null], options));
        Assert.NotEqual(alone, Refined([image.Voxels, Noise(image.Voxels.Length, 1)], options));

        float[] Refined(float[]?[] channels, DenseCrfOptions with)
        {
            float[] own = [.. scores];
            DenseCrf.Refine(own, channels, Region(image), with);
            return own;
        }
    }

    [Fact]
    public void Deviations_are_millimetres_whatever_the_spacing()
    {
        var (fine, _, scores) = Noisy((16, 16, 16), (1, 1, 1), classes: 2, noise: 2);
        var coarse = new Volume<float>(VolumeGeometry.Ras((16, 16, 16), (2, 4, 2)), fine.Voxels);
        float[] other = [.. scores];
        DenseCrf.Refine(scores, [fine.Voxels], Region(fine), Options);
        DenseCrf.Refine(
            other,
            [coarse.Voxels],
            Region(coarse),
            Options with
            {
                PositionalDeviationMm = [4, 6, 5],
                BilateralDeviationMm = [10, 16, 12],
            }
        );
        Assert.Equal(scores, other);
    }

    [Fact]
    public void It_stops_when_told_to()
    {
        var (image, _, scores) = Noisy((16, 16, 16), (1, 1, 1), classes: 2, noise: 2);
        Assert.ThrowsAny<OperationCanceledException>(() =>
            DenseCrf.Refine(
                scores,
                [image.Voxels],
                Region(image),
                Options,
                cancellationToken: new(canceled: true)
            )
        );
    }

    [Fact]
    public void Arrays_that_do_not_fit_are_refused()
    {
        var (image, _, scores) = Noisy((8, 8, 8), (1, 1, 1), classes: 2, noise: 2);
        Refused(scores[1..], [image.Voxels]);
        Refused(scores, [image.Voxels, null]);
        Refused(scores, [image.Voxels[1..]]);

        void Refused(float[] own, float[]?[] channels) =>
            Assert.Throws<ArgumentException>(() =>
                DenseCrf.Refine(own, channels, Region(image), Options)
            );
    }

    /// <summary>Shells of intensity about the middle, a class each, and scores that favour the right class by 2 under noise of a given deviation.</summary>
    private static (Volume<float> Image, byte[] Truth, float[] Scores) Noisy(
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing,
        int classes,
        double noise
    )
    {
        var image = new Volume<float>(VolumeGeometry.Ras(shape, spacing));
        var voxels = image.Voxels.Length;
        var truth = new byte[voxels];
        var (grain, jitter) = (Noise(voxels, 2), Noise(classes * voxels, 3));
        var scores = new float[classes * voxels];
        for (var n = 0; n < voxels; n++)
        {
            var x = (double)(n % shape.I) / shape.I - 0.5;
            var y = (double)(n / shape.I % shape.J) / shape.J - 0.5;
            var z = (double)(n / shape.I / shape.J) / shape.K - 0.5;
            var depth = 1 - Math.Sqrt(x * x + y * y + z * z) / 0.75;
            truth[n] = (byte)Math.Clamp(depth * classes, 0, classes - 1);
            image.Voxels[n] = 4f * truth[n] / classes - 2 + 0.1f * grain[n];
            for (var c = 0; c < classes; c++)
            {
                scores[c * voxels + n] =
                    (c == truth[n] ? 2 : 0) + (float)noise * jitter[c * voxels + n];
            }
        }
        return (image, truth, scores);
    }

    /// <summary>Of deviation 1, near a Gaussian's.</summary>
    private static float[] Noise(int count, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                    2 * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f)
                ),
        ];
    }

    private static Volume<byte> Region(Volume<float> image)
    {
        var region = new Volume<byte>(image.Geometry);
        region.Voxels.AsSpan().Fill(1);
        return region;
    }

    /// <summary>The mean field as its definition has it, every voxel against every other and itself, each kernel normalised at every voxel.</summary>
    private static float[] ByPairs(
        float[] scores,
        int classes,
        Volume<float> image,
        Volume<byte> region,
        DenseCrfOptions options
    )
    {
        var voxels = region.Voxels.Length;
        var (positional, bilateral) = (new double[voxels, voxels], new double[voxels, voxels]);
        for (var a = 0; a < voxels; a++)
        {
            var (sumNear, sumAlike) = (0.0, 0.0);
            for (var b = 0; b < voxels; b++)
            {
                var between = Apart(a).Zip(Apart(b), (p, q) => p - q).ToArray();
                var tone =
                    (image.Voxels[a] - image.Voxels[b]) / (double)options.IntensityDeviation[0];
                positional[a, b] = Math.Exp(-Square(between, options.PositionalDeviationMm) / 2);
                bilateral[a, b] = Math.Exp(
                    -(Square(between, options.BilateralDeviationMm) + tone * tone) / 2
                );
                (sumNear, sumAlike) = (sumNear + positional[a, b], sumAlike + bilateral[a, b]);
            }
            for (var b = 0; b < voxels; b++)
            {
                positional[a, b] *= options.PositionalWeight / sumNear;
                bilateral[a, b] *= options.BilateralWeight / sumAlike;
            }
        }
        float[] energies = [.. scores];
        for (var iteration = 0; iteration < options.Iterations; iteration++)
        {
            var beliefs = Probabilities(energies, classes);
            for (var c = 0; c < classes; c++)
            {
                for (var a = 0; a < voxels; a++)
                {
                    var message = 0.0;
                    for (var b = 0; b < voxels; b++)
                    {
                        message += (positional[a, b] + bilateral[a, b]) * beliefs[c * voxels + b];
                    }
                    energies[c * voxels + a] = (float)(scores[c * voxels + a] + message);
                }
            }
        }
        return energies;

        double[] Apart(int n)
        {
            var (sizeI, sizeJ, _) = image.Geometry.Shape;
            var (x, y, z) = image.Geometry.ToWorld(n % sizeI, n / sizeI % sizeJ, n / sizeI / sizeJ);
            return [x, y, z];
        }

        static double Square(double[] between, IReadOnlyList<double> deviations) =>
            between.Zip(deviations, (apart, s) => apart / s * (apart / s)).Sum();
    }

    private static double[] Probabilities(float[] scores, int classes)
    {
        var voxels = scores.Length / classes;
        double[] result = [.. scores.Select(s => Math.Exp(s))];
        for (var n = 0; n < voxels; n++)
        {
            var sum = Enumerable.Range(0, classes).Sum(c => result[c * voxels + n]);
            for (var c = 0; c < classes; c++)
            {
                result[c * voxels + n] /= sum;
            }
        }
        return result;
    }

    /// <summary>Mean Dice of the classes but the background.</summary>
    private static double Dice(float[] scores, byte[] truth)
    {
        var (voxels, classes) = (truth.Length, scores.Length / truth.Length);
        byte[] found =
        [
            .. Enumerable
                .Range(0, voxels)
                .Select(n => (byte)Enumerable.Range(0, classes).MaxBy(c => scores[c * voxels + n])),
        ];
        var grid = VolumeGeometry.Ras((voxels, 1, 1), (1, 1, 1));
        return Enumerable
            .Range(1, classes - 1)
            .Average(c =>
                LabelMeasures.Dice(
                    new Volume<byte>(grid, found),
                    new Volume<byte>(grid, truth),
                    (byte)c
                )
            );
    }
}
