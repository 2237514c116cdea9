namespace Platform.Imaging.Registration;

/// <summary>The side of a registration that is sampled: its pyramid, computed once and shared, read-only, by every registration of it.</summary>
public sealed class MovingImage
{
    private readonly VolumeGeometry _field;

    private MovingImage(ImagePyramid pyramid, VolumeGeometry field) =>
        (Levels, _field) = (pyramid.Levels, field);

    internal IReadOnlyList<Volume<float>> Levels { get; }

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
    ) => new(ImagePyramid.Build(image, options.SpacingsMm, cancellationToken), image.Geometry);
}
