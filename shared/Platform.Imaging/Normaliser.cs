namespace Platform.Imaging;

/// <summary>
/// The one intensity normalisation: training and inference both call it, on the network's grid, so they cannot differ.
/// Foreground is every voxel above 10 % of the way from the 1st to the 99th percentile of the whole volume: air and
/// stripped background fall out, dark fluid mostly too, whatever the units. The volume is clipped at two percentiles of the
/// foreground, then shifted and scaled to zero mean and unit deviation over the (clipped) foreground.
/// </summary>
public static class Normaliser
{
    /// <summary>Foreground threshold, as a fraction of the range between the 1st and the 99th percentile.</summary>
    public const double ForegroundFraction = 0.1;

    private const int SampleSize = 1 << 19;

    /// <summary>Normalises every voxel, background included.</summary>
    /// <param name="image">Any units. Not changed.</param>
    /// <param name="lowPercentile">Of the foreground, 0–100.</param>
    /// <param name="highPercentile">Of the foreground, 0–100, above <paramref name="lowPercentile"/>.</param>
    /// <returns>A new volume on the same grid; mean 0, deviation 1 over the foreground.</returns>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static Volume<float> Apply(
        Volume<float> image,
        double lowPercentile,
        double highPercentile
    )
    {
        var (_, low, high, mean, deviation) = Measure(image.Voxels, lowPercentile, highPercentile);
        var result = new float[image.Voxels.Length];
        var scale = 1 / deviation;
        for (var n = 0; n < result.Length; n++)
        {
            result[n] = (Math.Clamp(image.Voxels[n], low, high) - mean) * scale;
        }
        return new(image.Geometry, result);
    }

    /// <summary>What <see cref="Apply"/> uses: foreground threshold, clipping limits, mean and deviation, in the image's units.</summary>
    /// <param name="voxels">At least one voxel.</param>
    /// <param name="lowPercentile">Of the foreground, 0–100.</param>
    /// <param name="highPercentile">Of the foreground, 0–100, above <paramref name="lowPercentile"/>.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static (float Threshold, float Low, float High, float Mean, float Deviation) Measure(
        ReadOnlySpan<float> voxels,
        double lowPercentile,
        double highPercentile
    )
    {
        if (!(lowPercentile >= 0 && lowPercentile < highPercentile && highPercentile <= 100))
        {
            throw new ArgumentException(
                $"percentiles {lowPercentile} and {highPercentile}: 0 ≤ low < high ≤ 100 is needed"
            );
        }
        // Percentiles come from a regular sample (odd stride, so that it walks through every row position); moments from all voxels.
        var stride = voxels.Length <= SampleSize ? 1 : (voxels.Length / SampleSize) | 1;
        var sample = new float[(voxels.Length + stride - 1) / stride];
        for (var n = 0; n < sample.Length; n++)
        {
            sample[n] = voxels[n * stride];
        }
        sample.AsSpan().Sort();
        var floor = At(sample, 1);
        var threshold = floor + (float)ForegroundFraction * (At(sample, 99) - floor);
        var first = sample.AsSpan().BinarySearch(threshold);
        first = first < 0 ? ~first : first;
        while (first < sample.Length && sample[first] <= threshold)
        {
            first++;
        }
        var foreground = sample.AsSpan(first);
        if (foreground.IsEmpty)
        {
            throw NoContrast();
        }
        var (low, high) = (At(foreground, lowPercentile), At(foreground, highPercentile));
        double sum = 0,
            squares = 0;
        long count = 0;
        foreach (var voxel in voxels)
        {
            if (!float.IsFinite(voxel))
            {
                throw new VolumeException(
                    VolumeFault.BadVoxels,
                    "the image has voxels that are not finite numbers"
                );
            }
            if (voxel > threshold)
            {
                double clipped = Math.Clamp(voxel, low, high);
                sum += clipped;
                squares += clipped * clipped;
                count++;
            }
        }
        var mean = sum / count;
        var deviation = Math.Sqrt(Math.Max(0, squares / count - mean * mean));
        if (!(deviation > 1e-6 * Math.Max(1e-6, Math.Abs(high))))
        {
            throw NoContrast();
        }
        return (threshold, low, high, (float)mean, (float)deviation);
    }

    /// <summary>A percentile of sorted values: the nearest rank.</summary>
    private static float At(ReadOnlySpan<float> sorted, double percentile) =>
        sorted[(int)Math.Round(percentile / 100 * (sorted.Length - 1))];

    private static VolumeException NoContrast() =>
        new(VolumeFault.BadVoxels, "the image is constant: there is no contrast to normalise");
}
