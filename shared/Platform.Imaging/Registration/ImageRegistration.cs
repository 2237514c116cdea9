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

/// <summary>How a linear alignment ended.</summary>
/// <param name="Transform">The map fixed world → moving world, mm.</param>
/// <param name="Similarity">
/// At the finest level used: mean local correlation over the fixed image's mask, −1 to 1; or mutual information over the smaller of the two images' entropies
/// where both show something, 0 to 1. Real T1 and FLAIR of one head share 0.26 to 0.37, unlike bodies less than 0.15.
/// </param>
/// <param name="Seen">Share of the fixed image's mask that lies inside the moving image.</param>
public sealed record LinearAlignment(AffineTransform Transform, double Similarity, double Seen);

/// <summary>Affine, then diffeomorphic alignment of two images of one kind of anatomy. Robust to differences of contrast and to slow changes of intensity.</summary>
public static class ImageRegistration
{
    /// <summary>Aligns a moving image to a fixed one by an affine or a rigid map, as <see cref="RegistrationOptions.Model"/> says.</summary>
    /// <param name="fixedImage">The side whose grid is compared on, with the options.</param>
    /// <param name="moving">The side that is sampled, prepared with the same options.</param>
    /// <param name="work">Buffers, one an alignment at a time, reused from call to call.</param>
    /// <param name="cancellationToken">Stops within one step.</param>
    public static LinearAlignment Align(
        FixedImage fixedImage,
        MovingImage moving,
        RegistrationWorkspace work,
        CancellationToken cancellationToken = default
    )
    {
        work.Reserve(
            fixedImage.Levels.Max(level => level.Voxels.Length),
            localStatistics: fixedImage.Options.Similarity
                == Registration.Similarity.LocalCorrelation
        );
        return AffineAligner.Align(fixedImage, moving, work, cancellationToken);
    }

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
        if (fixedImage.Options.Model == LinearModel.Rigid)
        {
            throw new ArgumentException(
                "a rigid model has no non-rigid part: use Align",
                nameof(fixedImage)
            );
        }
        work.Reserve(
            fixedImage.Levels.Max(level => level.Voxels.Length),
            fixedImage.Levels.Max(level => level.CoarseVoxels)
        );
        var affine = AffineAligner.Align(fixedImage, moving, work, cancellationToken).Transform;
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
