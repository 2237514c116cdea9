namespace Platform.Imaging;

/// <summary>
/// Gives images the grid of another geometry, at any angle to their own; parallel grids take a separable fast path. Where the target is
/// coarser, images are first smoothed by a Gaussian of σ = √(f² − 1) / (2√(2 ln 2)) source voxels along each axis, f being the target step in
/// source voxels (Cardoso et al., MICCAI 2015): the point spread grows from one source voxel to one target voxel.
/// The field of view of an image ends at the outer edges of its edge voxels; beyond it lies <c>outside</c>.
/// </summary>
public static class Resampler
{
    /// <summary>Trilinear interpolation; between the centre and the outer edge of an edge voxel its value is repeated.</summary>
    /// <param name="volume">The image.</param>
    /// <param name="target">The grid wanted.</param>
    /// <param name="outside">Value outside the image's field of view.</param>
    /// <param name="antiAlias">Smooth before down-sampling (default).</param>
    public static Volume<float> Linear(
        Volume<float> volume,
        VolumeGeometry target,
        float outside = 0,
        bool antiAlias = true
    ) => Interpolate(volume, target, outside, antiAlias, cubic: false);

    /// <summary>
    /// Interpolating cubic B-spline (prefiltered), the image mirrored at the centres of its edge voxels: scipy.ndimage order 3, mode "mirror".
    /// It may overshoot the range of the image by a few per cent at edges.
    /// </summary>
    /// <inheritdoc cref="Linear"/>
    public static Volume<float> CubicBSpline(
        Volume<float> volume,
        VolumeGeometry target,
        float outside = 0,
        bool antiAlias = true
    ) => Interpolate(volume, target, outside, antiAlias, cubic: true);

    /// <summary>The nearest voxel: for labels. Outside the field of view lies 0.</summary>
    public static Volume<T> Nearest<T>(Volume<T> volume, VolumeGeometry target)
        where T : unmanaged
    {
        volume = AlongAxesOf(volume, target);
        var map = new GridMap(volume.Geometry, target);
        var shape = volume.Geometry.Shape;
        return new Volume<T>(
            target,
            map.Aligned
                ? NearestAligned(volume, target, map)
                : ObliqueSampler.Apply(
                    map,
                    shape,
                    target.Shape,
                    default(T),
                    new NearestSampler<T>(volume.Voxels, shape)
                )
        );
    }

    /// <summary>
    /// The grid of the same field of view whose spacing is nearest to the one wanted: the outer edges of the edge voxels stay where they are
    /// (as scipy.ndimage.zoom with grid_mode), so the true spacing is extent / round(extent / wanted).
    /// </summary>
    /// <param name="geometry">The grid to replace; its axes are kept.</param>
    /// <param name="spacing">Wanted spacing along i, j, k in mm.</param>
    public static VolumeGeometry ToSpacing(
        VolumeGeometry geometry,
        (double I, double J, double K) spacing
    )
    {
        int[] shape = [geometry.Shape.I, geometry.Shape.J, geometry.Shape.K];
        double[] have = [geometry.Spacing.I, geometry.Spacing.J, geometry.Spacing.K];
        double[] want = [spacing.I, spacing.J, spacing.K];
        var affine = geometry.Affine.ToArray();
        for (var axis = 0; axis < 3; axis++)
        {
            var count = (int)Math.Max(1, Math.Round(shape[axis] * have[axis] / want[axis]));
            var factor = (double)shape[axis] / count;
            for (var row = 0; row < 3; row++)
            {
                affine[4 * row + 3] += affine[4 * row + axis] * (factor - 1) / 2;
                affine[4 * row + axis] *= factor;
            }
            shape[axis] = count;
        }
        return new VolumeGeometry((shape[0], shape[1], shape[2]), affine);
    }

    /// <summary>Gaussian smoothing; beyond the edges the edge voxels repeat (scipy.ndimage mode "nearest", truncated at 4σ).</summary>
    /// <param name="volume">The image.</param>
    /// <param name="sigmaMm">Standard deviation in mm, the same along every axis.</param>
    public static Volume<float> Gaussian(Volume<float> volume, double sigmaMm)
    {
        var spacing = volume.Geometry.Spacing;
        var sigma = (sigmaMm / spacing.I, sigmaMm / spacing.J, sigmaMm / spacing.K);
        return new Volume<float>(
            volume.Geometry,
            Smooth(volume.Voxels, volume.Geometry.Shape, sigma, Border.Clamp)
        );
    }

    /// <summary>Turns an image's axes to those of the target, so that parallel grids meet axis by axis.</summary>
    private static Volume<T> AlongAxesOf<T>(Volume<T> volume, VolumeGeometry target)
        where T : unmanaged => Orienter.ToOrientation(volume, target.Orientation);

    private static Volume<float> Interpolate(
        Volume<float> volume,
        VolumeGeometry target,
        float outside,
        bool antiAlias,
        bool cubic
    )
    {
        volume = AlongAxesOf(volume, target);
        var map = new GridMap(volume.Geometry, target);
        var sigma = antiAlias ? map.AntiAliasSigma : default;
        var (shape, voxels) = (volume.Geometry.Shape, volume.Voxels);
        if (!map.Aligned)
        {
            voxels = Smooth(voxels, shape, sigma, cubic ? Border.Mirror : Border.Clamp);
        }
        if (cubic)
        {
            voxels = SplinePrefilter.Coefficients(voxels, shape);
        }
        if (map.Aligned)
        {
            // Each axis's band smooths as it interpolates.
            var (i, j, k) = AxisWeights.Of(map, shape, target.Shape, sigma, cubic);
            voxels = SeparableFilter.Apply(voxels, shape, i, j, k, outside);
        }
        else
        {
            voxels = cubic
                ? ObliqueSampler.Apply(
                    map,
                    shape,
                    target.Shape,
                    outside,
                    new CubicSampler(voxels, shape)
                )
                : ObliqueSampler.Apply(
                    map,
                    shape,
                    target.Shape,
                    outside,
                    new LinearSampler(voxels, shape)
                );
        }
        return new Volume<float>(target, voxels);
    }

    private static float[] Smooth(
        float[] voxels,
        (int I, int J, int K) shape,
        (double I, double J, double K) sigma,
        Border border
    ) =>
        sigma == default
            ? voxels
            : SeparableFilter.Apply(
                voxels,
                shape,
                AxisWeights.Gaussian(shape.I, sigma.I, border),
                AxisWeights.Gaussian(shape.J, sigma.J, border),
                AxisWeights.Gaussian(shape.K, sigma.K, border),
                0
            );

    private static T[] NearestAligned<T>(Volume<T> volume, VolumeGeometry target, GridMap map)
        where T : unmanaged
    {
        var (ni, nj, nk) = target.Shape;
        var shape = volume.Geometry.Shape;
        var (ii, jj, kk) = (
            Indices(shape.I, ni, map.M[3], map.M[0]),
            Indices(shape.J, nj, map.M[7], map.M[5]),
            Indices(shape.K, nk, map.M[11], map.M[10])
        );
        var result = new T[checked(ni * nj * nk)];
        Parallel.For(
            0,
            nk,
            k =>
            {
                for (var j = 0; j < nj && kk[k] >= 0; j++)
                {
                    if (jj[j] < 0)
                    {
                        continue;
                    }
                    var row = volume.Voxels.AsSpan(shape.I * (jj[j] + shape.J * kk[k]), shape.I);
                    var line = result.AsSpan(ni * (j + nj * k), ni);
                    for (var i = 0; i < ni; i++)
                    {
                        line[i] = ii[i] < 0 ? default : row[ii[i]];
                    }
                }
            }
        );
        return result;
    }

    private static int[] Indices(int source, int target, double offset, double step)
    {
        var indices = new int[target];
        for (var t = 0; t < target; t++)
        {
            var x = offset + step * t;
            indices[t] = GridMap.IsInside(x, source) ? ObliqueSampler.Round(x, source) : -1;
        }
        return indices;
    }
}
