namespace Platform.Imaging.Registration;

/// <summary>The intensities of an image that mutual information tells apart; what lies beyond them counts as their ends.</summary>
/// <param name="Least">The darkest.</param>
/// <param name="Width">From it to the brightest but 0.5 %; above 0.</param>
internal readonly record struct IntensityRange(float Least, float Width)
{
    /// <summary>Of an image that is not constant. A few very bright voxels, vessels or fat, do not squeeze the rest into a few bins.</summary>
    public static IntensityRange Of(ReadOnlySpan<float> voxels)
    {
        var percentiles = Intensities.Percentiles(voxels, 0, 99.5, 100);
        var most = percentiles[1] > percentiles[0] ? percentiles[1] : percentiles[2];
        return new(percentiles[0], most - percentiles[0]);
    }

    /// <summary>Bins of equal width, 0 to <paramref name="bins"/> − 1.</summary>
    public byte[] Bins(ReadOnlySpan<float> voxels, int bins)
    {
        var result = new byte[voxels.Length];
        var scale = bins / Width;
        for (var n = 0; n < result.Length; n++)
        {
            result[n] = (byte)Math.Clamp((voxels[n] - Least) * scale, 0, bins - 1);
        }
        return result;
    }
}
