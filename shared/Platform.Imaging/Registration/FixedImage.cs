namespace Platform.Imaging.Registration;

/// <summary>
/// The side of a registration whose grid is kept: pyramid, mask and local statistics, computed once and shared, read-only, by every
/// registration to it.
/// </summary>
public sealed class FixedImage
{
    private FixedImage(
        IReadOnlyList<FixedLevel> levels,
        ShiftProbe probe,
        RegistrationOptions options
    ) => (Levels, Probe, Options) = (levels, probe, options);

    internal IReadOnlyList<FixedLevel> Levels { get; }

    /// <summary>What the search over shifts looks at, on the coarsest level.</summary>
    internal ShiftProbe Probe { get; }

    internal RegistrationOptions Options { get; }

    /// <summary>Prepares an image.</summary>
    /// <param name="image">Any orientation and spacing.</param>
    /// <param name="mask">On the image's grid; images are compared where it is not 0 and within <see cref="RegistrationOptions.MaskMarginMm"/> of it. Null compares everywhere.</param>
    /// <param name="options">The options every registration to it will use.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="VolumeException">Non-finite or constant image, empty mask, other grid, or too few voxels.</exception>
    public static FixedImage Prepare(
        Volume<float> image,
        Volume<byte>? mask,
        RegistrationOptions options,
        CancellationToken cancellationToken = default
    )
    {
        var compared = mask is null ? Everywhere(image) : Dilate(mask, options.MaskMarginMm);
        if (compared.Geometry.Shape != image.Geometry.Shape)
        {
            throw new VolumeException(VolumeFault.BadGeometry, "image and mask differ in shape");
        }
        var (cropped, croppedMask) = Crop(image, compared, options.SpacingsMm[^1]);
        var pyramid = ImagePyramid.Build(cropped, options.SpacingsMm, cancellationToken);
        var levels = new List<FixedLevel>();
        foreach (var level in pyramid.Levels)
        {
            cancellationToken.ThrowIfCancellationRequested();
            levels.Add(new FixedLevel(level, croppedMask, options));
        }
        return new FixedImage(levels, new ShiftProbe(levels[0], image.Geometry), options);
    }

    private static Volume<byte> Everywhere(Volume<float> image)
    {
        var mask = new Volume<byte>(image.Geometry);
        Array.Fill(mask.Voxels, (byte)1);
        return mask;
    }

    /// <summary>Grows the mask by a box of ±marginMm.</summary>
    private static Volume<byte> Dilate(Volume<byte> mask, double marginMm)
    {
        var field = new float[mask.Voxels.Length];
        for (var n = 0; n < field.Length; n++)
        {
            field[n] = mask.Voxels[n] == 0 ? 0 : 1;
        }
        var spacing = mask.Geometry.Spacing;
        FieldFilter.Convolve(
            field,
            new float[field.Length],
            mask.Geometry.Shape,
            1,
            Box(marginMm / spacing.I),
            Box(marginMm / spacing.J),
            Box(marginMm / spacing.K)
        );
        var grown = new Volume<byte>(mask.Geometry);
        for (var n = 0; n < field.Length; n++)
        {
            grown.Voxels[n] = field[n] > 1e-6f ? (byte)1 : (byte)0;
        }
        return grown;

        static float[] Box(double radius)
        {
            var kernel = new float[2 * (int)Math.Round(radius) + 1];
            Array.Fill(kernel, 1f / kernel.Length);
            return kernel;
        }
    }

    /// <summary>The part around the mask, with two voxels of the finest level to spare.</summary>
    private static (Volume<float>, Volume<byte>) Crop(
        Volume<float> image,
        Volume<byte> mask,
        double finestMm
    )
    {
        var shape = mask.Geometry.Shape;
        int[] size = [shape.I, shape.J, shape.K];
        int[] first = [shape.I, shape.J, shape.K];
        int[] last = [-1, -1, -1];
        Span<int> at = stackalloc int[3];
        var n = 0;
        for (at[2] = 0; at[2] < size[2]; at[2]++)
        {
            for (at[1] = 0; at[1] < size[1]; at[1]++)
            {
                for (at[0] = 0; at[0] < size[0]; at[0]++)
                {
                    if (mask.Voxels[n++] == 0)
                    {
                        continue;
                    }
                    for (var axis = 0; axis < 3; axis++)
                    {
                        first[axis] = Math.Min(first[axis], at[axis]);
                        last[axis] = Math.Max(last[axis], at[axis]);
                    }
                }
            }
        }
        if (last[0] < 0)
        {
            throw new VolumeException(VolumeFault.BadVoxels, "the mask is empty");
        }
        double[] spacing =
        [
            mask.Geometry.Spacing.I,
            mask.Geometry.Spacing.J,
            mask.Geometry.Spacing.K,
        ];
        for (var axis = 0; axis < 3; axis++)
        {
            var margin = (int)Math.Ceiling(2 * finestMm / spacing[axis]);
            first[axis] = Math.Max(0, first[axis] - margin);
            last[axis] = Math.Min(size[axis] - 1, last[axis] + margin);
        }
        var affine = image.Geometry.Affine.ToArray();
        (affine[3], affine[7], affine[11]) = image.Geometry.ToWorld(first[0], first[1], first[2]);
        var geometry = new VolumeGeometry(
            (last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1),
            affine
        );
        var part = new Volume<float>(geometry);
        var partMask = new Volume<byte>(geometry);
        var row = geometry.Shape.I;
        n = 0;
        for (var k = first[2]; k <= last[2]; k++)
        {
            for (var j = first[1]; j <= last[1]; j++, n += row)
            {
                var from = first[0] + shape.I * (j + shape.J * k);
                image.Voxels.AsSpan(from, row).CopyTo(part.Voxels.AsSpan(n));
                mask.Voxels.AsSpan(from, row).CopyTo(partMask.Voxels.AsSpan(n));
            }
        }
        return (part, partMask);
    }
}
