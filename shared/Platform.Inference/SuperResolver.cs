using System.Numerics.Tensors;
using Platform.Imaging;

namespace Platform.Inference;

/// <summary>What a network makes of thick slices: on the fine grid, k the thick axis, in the image's units.</summary>
/// <param name="Residual">To be added to the interpolation.</param>
/// <param name="Uncertainty">The mean absolute error it expects of every voxel; null where it does not say.</param>
public sealed record Refinement(Volume<float> Residual, Volume<float>? Uncertainty);

/// <summary>
/// Thick slices → slices a factor thinner: cubic B-spline interpolation plus the residual that the network predicts from the
/// thick slices (Oktay et al., MICCAI 2016). What it adds is learned, not measured: the result is not for diagnosis.
/// </summary>
/// <param name="model">A network whose task is super-resolution.</param>
public sealed class SuperResolver(OnnxModel model) : IVolumeModel<Refinement, float>
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
    public Refinement Infer(PreparedImage prepared, CancellationToken cancellationToken)
    {
        var values = TiledRun.Run(model, prepared, cancellationToken);
        var perChannel = values.Length / model.OutputChannels;
        if (model.OutputChannels > 1)
        {
            var logarithms = values.AsSpan(perChannel, perChannel);
            TensorPrimitives.Exp(logarithms, logarithms);
        }
        return new(Channel(0), model.OutputChannels > 1 ? Channel(1) : null);

        // Zero outside the box, where nothing was computed: there the result is the interpolation of nothing.
        Volume<float> Channel(int channel)
        {
            var (box, factor) = (prepared.Box, model.DepthFactor);
            var whole = new Volume<float>(FineGeometry(prepared.Image.Geometry, factor));
            var (sizeI, sizeJ, _) = whole.Geometry.Shape;
            for (var k = 0; k < box.Size.K * factor; k++)
            {
                for (var j = 0; j < box.Size.J; j++)
                {
                    var row = channel * perChannel + (k * box.Size.J + j) * box.Size.I;
                    var target = ((box.K * factor + k) * sizeJ + box.J + j) * sizeI + box.I;
                    TensorPrimitives.Multiply(
                        values.AsSpan(row, box.Size.I),
                        prepared.Deviation,
                        whole.Voxels.AsSpan(target, box.Size.I)
                    );
                }
            }
            return whole;
        }
    }

    /// <summary>Interpolates the image and adds the residual; nothing falls below the image's own minimum.</summary>
    /// <param name="image">The image given to <see cref="Prepare"/>.</param>
    /// <param name="raw">From <see cref="Infer"/>.</param>
    public Volume<float> Restore(Volume<float> image, Refinement raw)
    {
        var fine = Resampler.CubicBSpline(image, FineGeometry(image.Geometry, model.DepthFactor));
        var turned = AsReceived(image, raw.Residual);
        TensorPrimitives.Add(fine.Voxels, turned.Voxels, fine.Voxels);
        TensorPrimitives.Max(fine.Voxels, TensorPrimitives.Min<float>(image.Voxels), fine.Voxels);
        return fine;
    }

    /// <inheritdoc/>
    public Volume<float>? Uncertainty(Volume<float> image, Refinement raw) =>
        raw.Uncertainty is { } expected ? AsReceived(image, expected) : null;

    /// <inheritdoc/>
    public double? Deviation(Volume<float> image, Volume<float> result) =>
        SliceProfile.Deviation(
            image,
            result,
            model.DepthFactor,
            model.Manifest.SuperResolution!.SliceProfileFwhm
        );

    private Volume<float> AsReceived(Volume<float> image, Volume<float> fine) =>
        Orienter.Restore(
            fine,
            SliceAxis.OrientationOf(image.Geometry),
            FineGeometry(image.Geometry, model.DepthFactor)
        );
}
