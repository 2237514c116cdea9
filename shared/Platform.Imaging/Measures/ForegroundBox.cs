namespace Platform.Imaging;

/// <summary>Where the body lies in an image.</summary>
public static class ForegroundBox
{
    /// <summary>First index and size, along i, j and k, of the box around what is brighter than a threshold but one voxel in a hundred on each side.</summary>
    /// <param name="image">Any units.</param>
    /// <param name="threshold">In the image's units: <see cref="Normaliser.Measure"/> gives one.</param>
    public static (int First, int Size)[] Of(Volume<float> image, float threshold)
    {
        var shape = image.Geometry.Shape;
        int[][] profiles = [new int[shape.I], new int[shape.J], new int[shape.K]];
        var n = 0;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++, n++)
                {
                    if (image.Voxels[n] > threshold)
                    {
                        profiles[0][i]++;
                        profiles[1][j]++;
                        profiles[2][k]++;
                    }
                }
            }
        }
        return [.. profiles.Select(Extent)];
    }

    private static (int First, int Size) Extent(int[] profile)
    {
        var aside = profile.Sum() / 100;
        var (first, last) = (0, profile.Length - 1);
        for (var left = aside; first < last && (left -= profile[first]) >= 0; )
        {
            first++;
        }
        for (var left = aside; last > first && (left -= profile[last]) >= 0; )
        {
            last--;
        }
        return (first, last - first + 1);
    }
}
