namespace Platform.Imaging.Registration;

/// <summary>The side of a registration that is sampled: its pyramid, computed once and shared, read-only, by every registration of it.</summary>
public sealed class MovingImage
{
    private MovingImage(ImagePyramid pyramid) => Levels = pyramid.Levels;

    internal IReadOnlyList<Volume<float>> Levels { get; }

    /// <summary>The grid of the finest level: the image's field of view at the finest spacing.</summary>
    public VolumeGeometry Grid => Levels[^1].Geometry;

    /// <summary>Prepares an image of any orientation and spacing.</summary>
    /// <param name="image">The image.</param>
    /// <param name="options">Its spacings are the pyramid's; the same as the fixed image's.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="VolumeException">Non-finite or constant image, or too few voxels.</exception>
    public static MovingImage Prepare(
        Volume<float> image,
        RegistrationOptions options,
        CancellationToken cancellationToken = default
    ) => new(ImagePyramid.Build(image, options.SpacingsMm, cancellationToken));
}
