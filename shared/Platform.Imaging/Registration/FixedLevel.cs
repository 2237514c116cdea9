namespace Platform.Imaging.Registration;

/// <summary>One level of a fixed image with its mask and the local mean and deviation inside the mask.</summary>
internal sealed class FixedLevel
{
    /// <summary>Deviations below this fraction of the mask's are noise, not structure; keeps flat regions from counting.</summary>
    public const float NoiseFloor = 0.1f;

    public FixedLevel(Volume<float> image, Volume<byte> mask, double windowSigma)
    {
        Geometry = image.Geometry;
        Voxels = image.Voxels;
        Window = FieldFilter.Gaussian(windowSigma);
        Mask = Resampler.Nearest(mask, image.Geometry).Voxels;
        var shape = Geometry.Shape;
        Rows = new (int, int)[shape.J * shape.K];
        var statistics = new float[Voxels.Length * 4];
        double sum = 0,
            squares = 0;
        for (var n = 0; n < Voxels.Length; n++)
        {
            if (Mask[n] == 0)
            {
                continue;
            }
            var (row, i) = (n / shape.I, n % shape.I);
            Rows[row] = Rows[row] is (0, 0) ? (i, i + 1) : (Rows[row].First, i + 1);
            MaskVoxels++;
            var value = Voxels[n];
            sum += value;
            squares += value * value;
            statistics[4 * n] = value;
            statistics[4 * n + 1] = value * value;
            statistics[4 * n + 3] = 1;
        }
        if (MaskVoxels == 0)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                "the mask vanishes at the coarsest spacing"
            );
        }
        sum /= MaskVoxels;
        var floor = (float)(NoiseFloor * NoiseFloor * (squares / MaskVoxels - sum * sum));
        FieldFilter.Convolve(
            statistics,
            new float[statistics.Length],
            shape,
            4,
            Window,
            Window,
            Window
        );
        Mean = new float[Voxels.Length];
        InverseDeviation = new float[Voxels.Length];
        Weight = new float[Voxels.Length];
        for (var n = 0; n < Voxels.Length; n++)
        {
            if (Mask[n] == 0)
            {
                continue;
            }
            var weight = statistics[4 * n + 3];
            var mean = statistics[4 * n] / weight;
            var variance = Math.Max(0, statistics[4 * n + 1] / weight - mean * mean);
            Weight[n] = weight;
            Mean[n] = mean;
            InverseDeviation[n] = 1 / MathF.Sqrt(variance + floor + float.Epsilon);
        }
    }

    public VolumeGeometry Geometry { get; }

    /// <summary>Intensities.</summary>
    public float[] Voxels { get; }

    /// <summary>1 where the images are compared.</summary>
    public byte[] Mask { get; }

    public int MaskVoxels { get; }

    /// <summary>Voxels of the grid twice as coarse.</summary>
    public int CoarseVoxels
    {
        get
        {
            var half = VelocityField.Half(Geometry.Shape);
            return half.I * half.J * half.K;
        }
    }

    /// <summary>The masked part [First, End) of each row along i; (0, 0) where there is none.</summary>
    public (int First, int End)[] Rows { get; }

    /// <summary>The window of the local statistics.</summary>
    public float[] Window { get; }

    /// <summary>Mean in the window around a voxel, over the mask.</summary>
    public float[] Mean { get; }

    /// <summary>1 / standard deviation in the window, with the noise floor.</summary>
    public float[] InverseDeviation { get; }

    /// <summary>How much of the window lies in the mask, 0 to 1.</summary>
    public float[] Weight { get; }
}
