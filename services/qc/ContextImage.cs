using Platform.Imaging;

namespace Platform.Qc;

/// <summary>
/// An image as an atlas forest sees it: intensities without their units, one byte a voxel, and the box of what is not air, by which a place in
/// one head answers to a place in another. Made alike of test image and references, and of the image alone.
/// </summary>
public sealed class ContextImage
{
    /// <summary>Levels a standard deviation of the foreground: four deviations either way fill a byte.</summary>
    private const float LevelsPerDeviation = 32;

    private readonly byte _air;

    private ContextImage(Volume<byte> levels, (int First, int Size)[] frame, byte air) =>
        (Levels, Frame, _air) = (levels, frame, air);

    /// <summary>Intensities, 128 at the foreground's mean.</summary>
    internal Volume<byte> Levels { get; }

    /// <summary>First voxel and size, along i, j and k, of the foreground's box.</summary>
    internal IReadOnlyList<(int First, int Size)> Frame { get; }

    /// <summary>Makes it.</summary>
    /// <param name="image">In RAS; normalised as <see cref="Normaliser"/> does, at its foreground's percentiles 1 and 99.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static ContextImage Of(Volume<float> image)
    {
        var (threshold, low, high, mean, deviation) = Normaliser.Measure(image.Voxels, 1, 99);
        var levels = new Volume<byte>(image.Geometry);
        for (var n = 0; n < levels.Voxels.Length; n++)
        {
            levels.Voxels[n] = Level(Math.Clamp(image.Voxels[n], low, high));
        }
        // Air is clipped to the foreground's first percentile and shares its level.
        return new(levels, ReferenceFeatures.Box(image, threshold), Level(low));

        byte Level(float value) =>
            (byte)
                Math.Clamp(
                    MathF.Round(128 + LevelsPerDeviation * (value - mean) / deviation),
                    0,
                    255
                );
    }

    /// <summary>
    /// Voxels, ascending, that lie between foreground along all three axes: the body with the dark fluid inside it, without the air around it.
    /// </summary>
    internal int[] Inside()
    {
        var shape = Levels.Geometry.Shape;
        int[] sizes = [shape.I, shape.J, shape.K];
        int[] strides = [1, shape.I, shape.I * shape.J];
        var votes = new byte[Levels.Voxels.Length];
        for (var axis = 0; axis < 3; axis++)
        {
            var (other, third) = ((axis + 1) % 3, (axis + 2) % 3);
            for (var b = 0; b < sizes[third]; b++)
            {
                for (var a = 0; a < sizes[other]; a++)
                {
                    var line = a * strides[other] + b * strides[third];
                    var (first, last) = (0, sizes[axis] - 1);
                    while (first <= last && Levels.Voxels[line + first * strides[axis]] <= _air)
                    {
                        first++;
                    }
                    while (last > first && Levels.Voxels[line + last * strides[axis]] <= _air)
                    {
                        last--;
                    }
                    for (var at = first; at <= last; at++)
                    {
                        votes[line + at * strides[axis]]++;
                    }
                }
            }
        }
        return [.. Enumerable.Range(0, votes.Length).Where(n => votes[n] == 3)];
    }
}
