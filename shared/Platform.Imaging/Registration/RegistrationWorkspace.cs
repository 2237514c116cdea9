namespace Platform.Imaging.Registration;

/// <summary>Buffers of one registration at a time, grown to the largest level seen and reused: nothing is allocated while iterating.</summary>
public sealed class RegistrationWorkspace
{
    /// <summary>
    /// Floating-point operations, two a multiply–add, of the convolutions of every registration so far: most of what one computes, and a floor of the whole.
    /// </summary>
    public double ConvolutionFlop { get; private set; }

    internal float[] Warped { get; private set; } = [];

    internal float[] Statistics { get; private set; } = [];

    internal float[] Scratch { get; private set; } = [];

    internal float[] Force { get; private set; } = [];

    /// <summary>Joint histograms of the slabs; after <see cref="MutualInformation.Measure"/> the first is their sum.</summary>
    internal double[] Histograms { get; } = new double[FixedLevel.Slabs * MutualInformation.Cells];

    /// <summary>Log of joint over product of marginal probabilities.</summary>
    internal float[] LogRatios { get; } = new float[MutualInformation.Cells];

    /// <summary>Root of the Fisher information along the moving image's bins.</summary>
    internal float[] Information { get; } = new float[MutualInformation.InformationSteps];

    internal float[] Velocity { get; set; } = [];

    internal float[] Displacement { get; set; } = [];

    /// <summary>Fields on the grid twice as coarse.</summary>
    internal (float[] Velocity, float[] Displacement, float[] Scratch) Coarse
    {
        get;
        private set;
    } = ([], [], []);

    /// <summary>Makes room for a linear alignment on a grid; what the buffers held is lost.</summary>
    /// <param name="voxels">Of the largest level.</param>
    /// <param name="localStatistics">Whether local correlation is taken.</param>
    internal void Reserve(int voxels, bool localStatistics)
    {
        Warped = Room(Warped, voxels);
        Force = Room(Force, 4 * voxels);
        if (localStatistics)
        {
            Statistics = Room(Statistics, 4 * voxels);
            Scratch = Room(Scratch, 4 * voxels);
        }
    }

    /// <summary>Makes room for linear and non-rigid registration.</summary>
    internal void Reserve(int voxels, int coarseVoxels)
    {
        Reserve(voxels, localStatistics: true);
        Velocity = Room(Velocity, 4 * voxels);
        Displacement = Room(Displacement, 4 * voxels);
        Coarse = (
            Room(Coarse.Velocity, 4 * coarseVoxels),
            Room(Coarse.Displacement, 4 * coarseVoxels),
            Room(Coarse.Scratch, 4 * coarseVoxels)
        );
    }

    /// <summary>Convolves a field of four floats a voxel in place, with one kernel along each axis.</summary>
    internal void Convolve(float[] field, (int I, int J, int K) shape, float[] kernel)
    {
        FieldFilter.Convolve(field, Scratch, shape, 4, kernel, kernel, kernel);
        ConvolutionFlop += 2.0 * 4 * 3 * kernel.Length * shape.I * shape.J * shape.K;
    }

    private static float[] Room(float[] buffer, int length) =>
        buffer.Length >= length ? buffer : new float[length];
}
