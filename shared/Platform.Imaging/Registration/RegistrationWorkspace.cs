namespace Platform.Imaging.Registration;

/// <summary>Buffers of one registration at a time, grown to the largest level seen and reused: nothing is allocated while iterating.</summary>
public sealed class RegistrationWorkspace
{
    internal float[] Warped { get; private set; } = [];

    internal float[] Statistics { get; private set; } = [];

    internal float[] Scratch { get; private set; } = [];

    internal float[] Force { get; private set; } = [];

    internal float[] Velocity { get; set; } = [];

    internal float[] Displacement { get; set; } = [];

    /// <summary>Fields on the grid twice as coarse.</summary>
    internal (float[] Velocity, float[] Displacement, float[] Scratch) Coarse
    {
        get;
        private set;
    } = ([], [], []);

    /// <summary>Makes room for a grid; what the buffers held is lost.</summary>
    internal void Reserve(int voxels, int coarseVoxels)
    {
        if (Coarse.Velocity.Length < 4 * coarseVoxels)
        {
            Coarse = (
                new float[4 * coarseVoxels],
                new float[4 * coarseVoxels],
                new float[4 * coarseVoxels]
            );
        }
        if (Warped.Length >= voxels)
        {
            return;
        }
        Warped = new float[voxels];
        Statistics = new float[4 * voxels];
        Scratch = new float[4 * voxels];
        Force = new float[4 * voxels];
        Velocity = new float[4 * voxels];
        Displacement = new float[4 * voxels];
    }
}
