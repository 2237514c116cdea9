using System.Numerics.Tensors;
using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// Thick slices → slices a factor thinner: cubic B-spline interpolation plus the residual that the network predicts from the
/// thick slices (Oktay et al., MICCAI 2016). What it adds is learned, not measured: the result is not for diagnosis.
/// </summary>
/// <param name="model">A network whose task is super-resolution.</param>
public sealed class SuperResolver(OnnxModel model) : IVolumeModel<Volume<float>, float>
{
    /// <summary>The grid of the result: the axis of largest spacing (the last of several) has a factor more voxels; the field of view stays.</summary>
    /// <remarks>Fine slice f of thick slice s lies at s + (f + 0.5) / F − 0.5 thick slices.</remarks>
    public static VolumeGeometry FineGeometry(VolumeGeometry thick, int factor)
    {
        double[] affine = [.. thick.Affine];
        var axis = SliceAxis.Of(thick);
        var shift = 0.5 / factor - 0.5;
        for (var row = 0; row < 12; row += 4)
        {
            affine[row + 3] += shift * affine[row + axis];
            affine[row + axis] /= factor;
        }
        var (i, j, k) = thick.Shape;
        var shape = axis switch
        {
            0 => (i * factor, j, k),
            1 => (i, j * factor, k),
            _ => (i, j, k * factor),
        };
        return new VolumeGeometry(shape, affine);
    }

    /// <summary>Turns the image until its thick axis is k, and normalises it.</summary>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public PreparedImage Prepare(Volume<float> image) =>
        PreparedImage.Make(
            Orienter.ToOrientation(image, SliceAxis.OrientationOf(image.Geometry)),
            model.Manifest.Input.Normalisation
        );

    /// <summary>Runs the network.</summary>
    /// <returns>What is to be added to the interpolation, in the image's units, over the whole fine grid; k is the thick axis.</returns>
    public Volume<float> Infer(PreparedImage prepared, CancellationToken cancellationToken)
    {
        var box = prepared.Box;
        var factor = model.DepthFactor;
        var values = TiledRun.Run(
            model,
            prepared.Channels,
            prepared.Image.Geometry.Shape,
            box,
            cancellationToken
        );
        var residual = new Volume<float>(FineGeometry(prepared.Image.Geometry, factor));
        var (sizeI, sizeJ, _) = residual.Geometry.Shape;
        for (var k = 0; k < box.Size.K * factor; k++)
        {
            for (var j = 0; j < box.Size.J; j++)
            {
                var source = values.AsSpan((k * box.Size.J + j) * box.Size.I, box.Size.I);
                var target = ((box.K * factor + k) * sizeJ + box.J + j) * sizeI + box.I;
                TensorPrimitives.Multiply(
                    source,
                    prepared.Deviation,
                    residual.Voxels.AsSpan(target, source.Length)
                );
            }
        }
        return residual;
    }

    /// <summary>Interpolates the image and adds the residual; nothing falls below the image's own minimum.</summary>
    /// <param name="image">The image given to <see cref="Prepare"/>.</param>
    /// <param name="residual">From <see cref="Infer"/>.</param>
    public Volume<float> Restore(Volume<float> image, Volume<float> residual)
    {
        var geometry = FineGeometry(image.Geometry, model.DepthFactor);
        var fine = Resampler.CubicBSpline(image, geometry);
        var turned = Orienter.Restore(residual, SliceAxis.OrientationOf(image.Geometry), geometry);
        TensorPrimitives.Add(fine.Voxels, turned.Voxels, fine.Voxels);
        TensorPrimitives.Max(fine.Voxels, TensorPrimitives.Min<float>(image.Voxels), fine.Voxels);
        return fine;
    }
}
