namespace Platform.Imaging.Registration;

/// <summary>One level of a fixed image with its mask and the local mean and deviation inside the mask.</summary>
internal sealed class FixedLevel
{
    /// <summary>Deviations below this fraction of the mask's are noise, not structure; keeps flat regions from counting.</summary>
    public const float NoiseFloor = 0.1f;

    /// <summary>In the mask with all its neighbours: there is a gradient.</summary>
    public const byte Inner = 2;

    /// <summary>Slabs of rows a level is worked on in; sums are taken slab by slab, so that they do not depend on the threads.</summary>
    public const int Slabs = 16;

    /// <param name="image">Intensities.</param>
    /// <param name="mask">On any grid.</param>
    /// <param name="options">Whether local statistics and bins are needed, and the statistics' window.</param>
    public FixedLevel(Volume<float> image, Volume<byte> mask, RegistrationOptions options)
    {
        Geometry = image.Geometry;
        Voxels = image.Voxels;
        Mask = Resampler.Nearest(mask, image.Geometry).Voxels;
        var shape = Geometry.Shape;
        Rows = new (int, int)[shape.J * shape.K];
        for (var n = 0; n < Voxels.Length; n++)
        {
            if (Mask[n] == 0)
            {
                continue;
            }
            var (row, i) = (n / shape.I, n % shape.I);
            Rows[row] = Rows[row] is (0, 0) ? (i, i + 1) : (Rows[row].First, i + 1);
            MaskVoxels++;
        }
        if (MaskVoxels == 0)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                "the mask vanishes at the coarsest spacing"
            );
        }
        MarkInner();
        var mutual = options.Similarity == Similarity.MutualInformation;
        if (mutual)
        {
            Bins = IntensityRange.Of(Voxels).Bins(Voxels, MutualInformation.Bins);
        }
        if (!mutual || options.Model == LinearModel.Affine)
        {
            Window = FieldFilter.Gaussian(options.WindowSigma);
            (Mean, InverseDeviation, Weight) = LocalStatistics();
        }
    }

    public VolumeGeometry Geometry { get; }

    /// <summary>Intensities.</summary>
    public float[] Voxels { get; }

    /// <summary>1 where the images are compared; <see cref="Inner"/> where they are in the six neighbours, too.</summary>
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

    /// <summary>Bins of the intensities for mutual information; empty where nothing asks for it.</summary>
    public byte[] Bins { get; } = [];

    /// <summary>The window of the local statistics; with them empty where a rigid alignment by mutual information needs none.</summary>
    public float[] Window { get; } = [];

    /// <summary>Mean in the window around a voxel, over the mask.</summary>
    public float[] Mean { get; } = [];

    /// <summary>1 / standard deviation in the window, with the noise floor.</summary>
    public float[] InverseDeviation { get; } = [];

    /// <summary>How much of the window lies in the mask, 0 to 1.</summary>
    public float[] Weight { get; } = [];

    /// <summary>Calls <paramref name="work"/> with each slab's number and rows.</summary>
    public void ForEachSlab(int threads, Action<int, Range> work)
    {
        var rows = Rows.Length;
        if (threads == 1)
        {
            for (var slab = 0; slab < Slabs; slab++)
            {
                work(slab, Part(slab));
            }
            return;
        }
        Parallel.For(
            0,
            Slabs,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            slab => work(slab, Part(slab))
        );

        Range Part(int slab) => (slab * rows / Slabs)..((slab + 1) * rows / Slabs);
    }

    private void MarkInner()
    {
        var shape = Geometry.Shape;
        int stepJ = shape.I,
            stepK = shape.I * shape.J;
        for (var k = 1; k < shape.K - 1; k++)
        {
            for (var j = 1; j < shape.J - 1; j++)
            {
                for (var i = 1; i < shape.I - 1; i++)
                {
                    var n = i + stepJ * j + stepK * k;
                    if (
                        Mask[n] * Mask[n - 1] * Mask[n + 1] != 0
                        && Mask[n - stepJ] * Mask[n + stepJ] != 0
                        && Mask[n - stepK] * Mask[n + stepK] != 0
                    )
                    {
                        Mask[n] = Inner;
                    }
                }
            }
        }
    }

    private (float[] Mean, float[] InverseDeviation, float[] Weight) LocalStatistics()
    {
        var statistics = new float[Voxels.Length * 4];
        double sum = 0,
            squares = 0;
        for (var n = 0; n < Voxels.Length; n++)
        {
            if (Mask[n] == 0)
            {
                continue;
            }
            var value = Voxels[n];
            sum += value;
            squares += value * value;
            statistics[4 * n] = value;
            statistics[4 * n + 1] = value * value;
            statistics[4 * n + 3] = 1;
        }
        sum /= MaskVoxels;
        var floor = (float)(NoiseFloor * NoiseFloor * (squares / MaskVoxels - sum * sum));
        FieldFilter.Convolve(
            statistics,
            new float[statistics.Length],
            Geometry.Shape,
            4,
            Window,
            Window,
            Window
        );
        var mean = new float[Voxels.Length];
        var inverse = new float[Voxels.Length];
        var weights = new float[Voxels.Length];
        for (var n = 0; n < Voxels.Length; n++)
        {
            if (Mask[n] == 0)
            {
                continue;
            }
            var weight = statistics[4 * n + 3];
            mean[n] = statistics[4 * n] / weight;
            var variance = Math.Max(0, statistics[4 * n + 1] / weight - mean[n] * mean[n]);
            weights[n] = weight;
            inverse[n] = 1 / MathF.Sqrt(variance + floor + float.Epsilon);
        }
        return (mean, inverse, weights);
    }
}
