namespace Platform.Imaging.Tests;

internal static class Phantoms
{
    /// <summary>Uniform noise in [0, 1000).</summary>
    public static Volume<float> Noise(VolumeGeometry geometry, int seed)
    {
        var random = new Random(seed);
        var volume = new Volume<float>(geometry);
        for (var n = 0; n < volume.Voxels.Length; n++)
        {
            volume.Voxels[n] = (float)(random.NextDouble() * 1000);
        }
        return volume;
    }

    /// <summary>Random label balls, some touching.</summary>
    public static Volume<byte> Balls(VolumeGeometry geometry, int seed, int balls = 12)
    {
        var random = new Random(seed);
        var volume = new Volume<byte>(geometry);
        var (ni, nj, nk) = geometry.Shape;
        for (var ball = 1; ball <= balls; ball++)
        {
            var (x, y, z) = (random.Next(ni), random.Next(nj), random.Next(nk));
            var radius = 1 + random.NextDouble() * Math.Min(ni, Math.Min(nj, nk)) / 5;
            for (var k = 0; k < nk; k++)
            {
                for (var j = 0; j < nj; j++)
                {
                    for (var i = 0; i < ni; i++)
                    {
                        var (dx, dy, dz) = (i - x, j - y, k - z);
                        if (dx * dx + dy * dy + dz * dz < radius * radius)
                        {
                            volume[i, j, k] = (byte)ball;
                        }
                    }
                }
            }
        }
        return volume;
    }
}
