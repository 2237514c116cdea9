using System.Numerics.Tensors;

namespace Platform.Imaging.Registration;

/// <summary>An image at several spacings, coarse to fine, on grids that share its axes; smoothed before it is thinned out.</summary>
internal sealed class ImagePyramid
{
    /// <summary>Fewest voxels a level has along every axis: below that there is nothing to align.</summary>
    private const int LeastVoxels = 6;

    private ImagePyramid(IReadOnlyList<Volume<float>> levels) => Levels = levels;

    /// <summary>Coarse to fine, scaled to unit standard deviation.</summary>
    public IReadOnlyList<Volume<float>> Levels { get; }

    /// <summary>Builds the levels at <paramref name="spacingsMm"/> (coarse to fine). A level that would be too small is replaced by the next finer one.</summary>
    /// <exception cref="VolumeException">Non-finite voxels, a constant image, or fewer than 6 voxels along an axis at the finest spacing.</exception>
    public static ImagePyramid Build(
        Volume<float> image,
        IReadOnlyList<double> spacingsMm,
        CancellationToken cancellationToken
    )
    {
        var mean = TensorPrimitives.Average<float>(image.Voxels);
        var deviation = TensorPrimitives.StdDev<float>(image.Voxels);
        if (!float.IsFinite(mean) || !float.IsFinite(deviation))
        {
            throw new VolumeException(VolumeFault.BadVoxels, "the image has non-finite voxels");
        }
        if (deviation <= 1e-6f * Math.Abs(mean) || deviation == 0)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                "the image is constant: there is nothing to align"
            );
        }
        var scaled = new float[image.Voxels.Length];
        TensorPrimitives.Multiply(image.Voxels, 1 / deviation, scaled);
        var source = new Volume<float>(image.Geometry, scaled);
        var levels = new Volume<float>[spacingsMm.Count];
        for (var n = spacingsMm.Count - 1; n >= 0; n--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Each level is made from the next finer one: smoothing a small grid costs little.
            source = levels[n] = Thin(source, spacingsMm[n]);
        }
        return new ImagePyramid(levels);
    }

    /// <summary>The same field of view with about <paramref name="spacingMm"/> along every axis; axes within 25 % of it, or coarser, and axes that would become too short are kept.</summary>
    public static VolumeGeometry GridAt(VolumeGeometry geometry, double spacingMm)
    {
        var (shape, spacing) = (geometry.Shape, geometry.Spacing);
        return Resampler.ToSpacing(
            geometry,
            (Along(shape.I, spacing.I), Along(shape.J, spacing.J), Along(shape.K, spacing.K))
        );

        double Along(int count, double mm) =>
            spacingMm < 1.25 * mm || count * mm < LeastVoxels * spacingMm ? mm : spacingMm;
    }

    private static Volume<float> Thin(Volume<float> source, double spacingMm)
    {
        var grid = GridAt(source.Geometry, spacingMm);
        if (Math.Min(grid.Shape.I, Math.Min(grid.Shape.J, grid.Shape.K)) < LeastVoxels)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{grid.Shape.I}×{grid.Shape.J}×{grid.Shape.K} voxels: registration needs at least {LeastVoxels} along every axis"
            );
        }
        return grid.Shape == source.Geometry.Shape ? source : Resampler.Linear(source, grid);
    }
}
