namespace Platform.Imaging.Registration;

/// <summary>How a registration ended.</summary>
/// <param name="Transform">The map between the two worlds.</param>
/// <param name="Similarity">Mean local correlation over the fixed image's mask at the finest level used, −1 to 1.</param>
/// <param name="LeastJacobian">Least Jacobian determinant of the non-rigid part inside the mask; above 0 nothing folds.</param>
public sealed record RegistrationResult(
    SpatialTransform Transform,
    double Similarity,
    double LeastJacobian
);

/// <summary>Affine, then diffeomorphic alignment of two images of one kind of anatomy. Robust to differences of contrast and to slow changes of intensity.</summary>
public static class ImageRegistration
{
    /// <summary>Registers a moving image to a fixed one, on one thread.</summary>
    /// <param name="fixedImage">The side whose grid is kept, with the options.</param>
    /// <param name="moving">The side that is sampled, prepared with the same options.</param>
    /// <param name="work">Buffers, one a thread, reused from call to call.</param>
    /// <param name="cancellationToken">Stops within one iteration (about 0.1 s for a brain).</param>
    public static RegistrationResult Register(
        FixedImage fixedImage,
        MovingImage moving,
        RegistrationWorkspace work,
        CancellationToken cancellationToken = default
    )
    {
        work.Reserve(
            fixedImage.Levels.Max(level => level.Voxels.Length),
            fixedImage.Levels.Max(level => level.CoarseVoxels)
        );
        var affine = AffineAligner.Align(fixedImage, moving, work, cancellationToken);
        var (level, similarity) = DeformableAligner.Align(
            fixedImage,
            moving,
            affine,
            work,
            cancellationToken
        );
        var shape = level.Geometry.Shape;
        var forward = new float[4 * level.Voxels.Length];
        var inverse = new float[4 * level.Voxels.Length];
        VelocityField.Exponential(work.Velocity, shape, 1, forward, work.Scratch);
        VelocityField.Exponential(work.Velocity, shape, -1, inverse, work.Scratch);
        return new RegistrationResult(
            new SpatialTransform(affine, level.Geometry, forward, inverse),
            similarity,
            VelocityField.LeastJacobian(forward, shape, level.Mask)
        );
    }
}
