namespace Platform.Imaging.Registration;

/// <summary>The side of a registration that is sampled: its pyramid, computed once and shared, read-only, by every registration of it.</summary>
public sealed class MovingImage
{
    private readonly VolumeGeometry _field;

    private MovingImage(ImagePyramid pyramid, VolumeGeometry field, Similarity similarity)
    {
        (Levels, _field) = (pyramid.Levels, field);
        if (similarity == Similarity.MutualInformation)
        {
            Levels = [.. Levels.Select(Smooth)];
            Ranges = [.. Levels.Select(level => IntensityRange.Of(level.Voxels))];
        }
    }

    internal IReadOnlyList<Volume<float>> Levels { get; }

    /// <summary>The levels' intensities, where mutual information asks for them.</summary>
    internal IReadOnlyList<IntensityRange> Ranges { get; } = [];

    /// <summary>The image's field of view at a spacing in mm; axes that are coarser, or within 25 % of it, keep theirs.</summary>
    public VolumeGeometry GridAt(double spacingMm) => ImagePyramid.GridAt(_field, spacingMm);

    /// <summary>Prepares an image of any orientation and spacing.</summary>
    /// <param name="image">The image.</param>
    /// <param name="options">Its spacings are the pyramid's; the same as the fixed image's.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="VolumeException">Non-finite or constant image, or too few voxels.</exception>
    public static MovingImage Prepare(
        Volume<float> image,
        RegistrationOptions options,
        CancellationToken cancellationToken = default
    ) =>
        new(
            ImagePyramid.Build(image, options.SpacingsMm, cancellationToken),
            image.Geometry,
            options.Similarity
        );

    /// <summary>
    /// Linear interpolation blurs between voxels and not on them: where two grids meet, mutual information would rise for that alone (Pluim et al.,
    /// Comput. Vis. Image Underst. 77:211, 2000). In a smoothed image the difference is small.
    /// </summary>
    private static Volume<float> Smooth(Volume<float> level)
    {
        float[] voxels = [.. level.Voxels];
        var kernel = FieldFilter.Gaussian(0.7);
        FieldFilter.Convolve(
            voxels,
            new float[voxels.Length],
            level.Geometry.Shape,
            1,
            kernel,
            kernel,
            kernel
        );
        return new Volume<float>(level.Geometry, voxels);
    }
}
