using Platform.Imaging;

namespace Imaging.Tests.Measures;

public sealed class ImageStatisticsTests
{
    private const int Side = 48;

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(10)]
    public void Added_noise_is_measured_over_the_range(double deviation)
    {
        // Most of a ball lies near its border: of 100 to 200, the 5th to the 95th percentile are 61 apart, and more where noise widens them.
        var noise = ImageStatistics.Of(Ball(deviation)).Noise;
        Assert.InRange(noise, deviation / 75, deviation / 58);
    }

    [Fact]
    public void Scaled_intensities_have_the_same_statistics()
    {
        var image = Ball(3);
        var scaled = new Volume<float>(image.Geometry, [.. image.Voxels.Select(v => 7 * v)]);
        var (a, b) = (ImageStatistics.Of(image), ImageStatistics.Of(scaled));
        Assert.Equal(a.Noise, b.Noise, 1e-4);
        Assert.Equal(a.Brightness, b.Brightness, 1e-4);
        Assert.Equal(a.Foreground, b.Foreground, 1e-4);
    }

    [Fact]
    public void Another_contrast_has_another_brightness_and_a_smaller_body_less_foreground()
    {
        var image = Ball(0);
        var statistics = ImageStatistics.Of(image);
        var inverted = new Volume<float>(
            image.Geometry,
            [.. image.Voxels.Select(v => v > 0 ? 300 - v : 0)]
        );
        Assert.Equal(1 - statistics.Brightness, ImageStatistics.Of(inverted).Brightness, 0.02);
        Assert.NotInRange(statistics.Brightness, 0.45, 0.55);
        Assert.True(
            ImageStatistics.Of(Ball(0, radius: 12)).Foreground < 0.5 * statistics.Foreground
        );
        Assert.InRange(statistics.Noise, 0, 0.02);
    }

    [Fact]
    public void An_image_of_one_value_or_of_two_has_finite_statistics()
    {
        var geometry = VolumeGeometry.Ras((5, 4, 3), (1, 1, 1));
        Assert.Equal(new(0, 0, 0), ImageStatistics.Of(new Volume<float>(geometry)));
        var two = new Volume<float>(geometry);
        two.Voxels[30] = 1;
        var statistics = ImageStatistics.Of(two);
        Assert.Equal((0, 0), (statistics.Noise, statistics.Brightness));
        Assert.Equal(1.0 / 60, statistics.Foreground, 1e-9);
    }

    /// <summary>A ball whose intensity grows from 100 at its border to 200 in its middle.</summary>
    private static Volume<float> Ball(double noise, double radius = 20)
    {
        var random = new Random(5);
        var image = new Volume<float>(VolumeGeometry.Ras((Side, Side, Side), (1, 1, 1)));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (i, j, k) = (n % Side - 23.5, n / Side % Side - 23.5, n / (Side * Side) - 23.5);
            var inside = 1 - Math.Sqrt(i * i + j * j + k * k) / radius;
            var normal =
                Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
                * Math.Cos(2 * Math.PI * random.NextDouble());
            image.Voxels[n] = inside > 0 ? (float)(100 + 100 * inside + noise * normal) : 0;
        }
        return image;
    }
}
