namespace Platform.Imaging;

/// <summary>
/// What an image looks like in three numbers that no scaling of its intensities changes. Foreground is what <see cref="Normaliser"/> takes for it.
/// </summary>
/// <param name="Noise">Standard deviation of the noise over the foreground's range (5th to 95th percentile), 0 to 1.</param>
/// <param name="Brightness">Where in that range the foreground's median lies, 0 to 1: another contrast has another.</param>
/// <param name="Foreground">Share of the voxels that are foreground, 0 to 1.</param>
public sealed record ImageStatistics(double Noise, double Brightness, double Foreground)
{
    private const int SampleSize = 1 << 18;

    /// <summary>The deviation of normal noise over its median absolute value; √6 is the gain of the second difference.</summary>
    private static readonly double NoiseOfMedian = 1.4826 / Math.Sqrt(6);

    /// <summary>
    /// Measures an image. Noise is told by the median absolute second difference along i in the foreground (after Immerkær 1996): a smooth image has
    /// none, so it also falls where an image was interpolated.
    /// </summary>
    /// <param name="image">Any units; finite.</param>
    public static ImageStatistics Of(Volume<float> image)
    {
        var voxels = image.Voxels;
        var sizeI = image.Geometry.Shape.I;
        // An odd stride walks through every position of a row.
        var stride = voxels.Length <= SampleSize ? 1 : (voxels.Length / SampleSize) | 1;
        var sample = Sample(voxels, stride);
        var threshold = sample[0];
        if (sample.Length > 1)
        {
            var (floor, ceiling) = (At(sample, 0.01), At(sample, 0.99));
            threshold = floor + (float)Normaliser.ForegroundFraction * (ceiling - floor);
        }
        var first = Array.FindIndex(sample, value => value > threshold);
        if (first < 0)
        {
            return new(0, 0, 0);
        }
        var foreground = sample.AsSpan(first);
        var (low, high) = (At(foreground, 0.05), At(foreground, 0.95));
        var range = high - low;
        if (!(range > 0))
        {
            return new(0, 0, (double)foreground.Length / sample.Length);
        }
        var differences = new List<float>();
        for (var n = 0; n < voxels.Length; n += stride)
        {
            var i = n % sizeI;
            if (
                i > 0
                && i < sizeI - 1
                && Math.Min(voxels[n - 1], Math.Min(voxels[n], voxels[n + 1])) > threshold
            )
            {
                differences.Add(Math.Abs(voxels[n - 1] - 2 * voxels[n] + voxels[n + 1]));
            }
        }
        differences.Sort();
        var noise = differences.Count == 0 ? 0 : NoiseOfMedian * differences[differences.Count / 2];
        return new(
            Math.Min(1, noise / range),
            Math.Clamp((At(foreground, 0.5) - low) / range, 0, 1),
            (double)foreground.Length / sample.Length
        );
    }

    private static float[] Sample(float[] voxels, int stride)
    {
        var sample = new float[(voxels.Length + stride - 1) / stride];
        for (var n = 0; n < sample.Length; n++)
        {
            sample[n] = voxels[n * stride];
        }
        Array.Sort(sample);
        return sample;
    }

    private static float At(ReadOnlySpan<float> sorted, double fraction) =>
        sorted[(int)Math.Round(fraction * (sorted.Length - 1))];
}
