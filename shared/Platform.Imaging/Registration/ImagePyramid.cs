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

    /// <summary>The grid with about <paramref name="spacingMm"/> along every axis and the same centre and axes; axes already within 25 % of it, or coarser, are kept.</summary>
    public static VolumeGeometry GridAt(VolumeGeometry geometry, double spacingMm)
    {
        int[] shape = [geometry.Shape.I, geometry.Shape.J, geometry.Shape.K];
        double[] spacing = [geometry.Spacing.I, geometry.Spacing.J, geometry.Spacing.K];
        var affine = geometry.Affine.ToArray();
        for (var axis = 0; axis < 3; axis++)
        {
            var factor = spacingMm / spacing[axis];
            var count = (int)Math.Ceiling(shape[axis] / factor);
            if (factor < 1.25 || count < LeastVoxels)
            {
                continue;
            }
            var first = 0.5 * (shape[axis] - 1 - (count - 1) * factor);
            for (var row = 0; row < 3; row++)
            {
                affine[row * 4 + 3] += affine[row * 4 + axis] * first;
                affine[row * 4 + axis] *= factor;
            }
            shape[axis] = count;
        }
        return new VolumeGeometry((shape[0], shape[1], shape[2]), affine);
    }

    private static Volume<float> Thin(Volume<float> source, double spacingMm)
    {
        var (from, grid) = (source.Geometry, GridAt(source.Geometry, spacingMm));
        if (Math.Min(grid.Shape.I, Math.Min(grid.Shape.J, grid.Shape.K)) < LeastVoxels)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{grid.Shape.I}×{grid.Shape.J}×{grid.Shape.K} voxels: registration needs at least {LeastVoxels} along every axis"
            );
        }
        if (grid.Shape == from.Shape)
        {
            return source;
        }
        var smooth = (float[])source.Voxels.Clone();
        FieldFilter.Convolve(
            smooth,
            new float[smooth.Length],
            from.Shape,
            1,
            AntiAlias(grid.Spacing.I / from.Spacing.I),
            AntiAlias(grid.Spacing.J / from.Spacing.J),
            AntiAlias(grid.Spacing.K / from.Spacing.K)
        );
        var thinned = new Volume<float>(grid);
        // The grids share their axes, so the map between them is a scale and a shift along each.
        var map = AffineTransform
            .WorldToIndex(from)
            .After(AffineTransform.IndexToWorld(grid))
            .Entries;
        var n = 0;
        for (var k = 0; k < grid.Shape.K; k++)
        {
            for (var j = 0; j < grid.Shape.J; j++)
            {
                for (var i = 0; i < grid.Shape.I; i++)
                {
                    Interpolation.TryLinear(
                        smooth,
                        from.Shape,
                        Math.Clamp((float)(map[0] * i + map[3]), 0, from.Shape.I - 1),
                        Math.Clamp((float)(map[5] * j + map[7]), 0, from.Shape.J - 1),
                        Math.Clamp((float)(map[10] * k + map[11]), 0, from.Shape.K - 1),
                        out thinned.Voxels[n++]
                    );
                }
            }
        }
        return thinned;
    }

    /// <summary>A Gaussian that takes a voxel of width 1 to the width <paramref name="factor"/> (full width at half maximum, in source voxels).</summary>
    private static float[] AntiAlias(double factor) =>
        FieldFilter.Gaussian(factor <= 1 ? 0 : Math.Sqrt(factor * factor - 1) / 2.3548);
}
