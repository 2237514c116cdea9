using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// An image as a reverse classifier that is learnt from one sees it: intensities without their units, one byte a voxel, and the box of what is not air, by which a place in
/// one head answers to a place in another. Made alike of test image and references, and of the image alone.
/// </summary>
public sealed class ContextImage
{
    /// <summary>Levels a standard deviation of the foreground: four deviations either way fill a byte.</summary>
    public const float LevelsPerDeviation = 32;

    /// <summary>The level of the foreground's mean.</summary>
    public const byte MeanLevel = 128;

    private ContextImage(Volume<byte> levels, (int First, int Size)[] frame, byte air) =>
        (Levels, Frame, Air) = (levels, frame, air);

    /// <summary>Intensities, <see cref="MeanLevel"/> at the foreground's mean.</summary>
    public Volume<byte> Levels { get; }

    /// <summary>The level of the air around the body, the lowest there is.</summary>
    public byte Air { get; }

    /// <summary>First voxel and size, along i, j and k, of the foreground's box.</summary>
    public IReadOnlyList<(int First, int Size)> Frame { get; }

    /// <summary>A test image, turned to RAS and brought to the references' spacing; axes that are coarser keep theirs.</summary>
    /// <param name="image">Any orientation and units.</param>
    /// <param name="spacingMm">The references' spacing, mm.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static ContextImage At(Volume<float> image, double spacingMm)
    {
        var test = Orienter.ToOrientation(image, "RAS");
        var have = test.Geometry.Spacing;
        var grid = Resampler.ToSpacing(
            test.Geometry,
            (Math.Max(have.I, spacingMm), Math.Max(have.J, spacingMm), Math.Max(have.K, spacingMm))
        );
        return Of(Resampler.Linear(test, grid));
    }

    /// <summary>Makes it of an image on its own grid.</summary>
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
        return new(levels, ForegroundBox.Of(image, threshold), Level(low));

        byte Level(float value) =>
            (byte)
                Math.Clamp(
                    MathF.Round(MeanLevel + LevelsPerDeviation * (value - mean) / deviation),
                    0,
                    255
                );
    }

    /// <summary>
    /// Voxels, ascending, that lie between foreground along all three axes: the body with the dark fluid inside it, without the air around it.
    /// </summary>
    public int[] Inside()
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
                    while (first <= last && Levels.Voxels[line + first * strides[axis]] <= Air)
                    {
                        first++;
                    }
                    while (last > first && Levels.Voxels[line + last * strides[axis]] <= Air)
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
