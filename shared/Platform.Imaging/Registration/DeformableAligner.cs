using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Log-domain demons (Vercauteren 2008) on the local correlation: the velocity is moved by damped Gauss–Newton steps, each smoothed
/// (fluid), and is itself smoothed (diffusion), coarse to fine.
/// </summary>
internal static class DeformableAligner
{
    /// <summary>Weight of residual² beside gradient² in the step: no voxel asks for more than one voxel (1 / 2√κ).</summary>
    private const float Damping = 0.25f;

    /// <summary>Share of the mean denominator added everywhere: where nothing is seen for far around, nothing moves.</summary>
    private const float Rest = 0.02f;

    /// <summary>Iterations after which the gain is compared with the tolerance.</summary>
    private const int Patience = 5;

    /// <summary>
    /// Moves <see cref="RegistrationWorkspace.Velocity"/> from zero; it ends on the returned level's grid.
    /// </summary>
    /// <returns>The finest level used and its mean correlation.</returns>
    public static (FixedLevel Level, double Similarity) Align(
        FixedImage fixedImage,
        MovingImage moving,
        AffineTransform affine,
        RegistrationWorkspace work,
        CancellationToken cancellationToken
    )
    {
        var options = fixedImage.Options;
        FixedLevel? previous = null;
        var similarity = 0.0;
        // None asked for: the coarsest level, not moved.
        IReadOnlyList<int> iterations = options.DeformableIterations is []
            ? [0]
            : options.DeformableIterations;
        var count = Math.Min(iterations.Count, fixedImage.Levels.Count);
        for (var n = 0; n < count; n++)
        {
            var level = fixedImage.Levels[n];
            Start(previous, level, work);
            similarity = Refine(
                level,
                moving.Levels[n],
                affine,
                options,
                iterations[n],
                work,
                cancellationToken
            );
            previous = level;
        }
        return (previous!, similarity);
    }

    private static void Start(FixedLevel? previous, FixedLevel level, RegistrationWorkspace work)
    {
        if (previous is null)
        {
            Array.Clear(work.Velocity, 0, 4 * level.Voxels.Length);
        }
        else if (previous.Geometry.Shape != level.Geometry.Shape)
        {
            VelocityField.Resample(
                work.Velocity,
                previous.Geometry,
                level.Geometry,
                work.Displacement
            );
            (work.Velocity, work.Displacement) = (work.Displacement, work.Velocity);
        }
    }

    private static double Refine(
        FixedLevel level,
        Volume<float> moving,
        AffineTransform affine,
        RegistrationOptions options,
        int iterations,
        RegistrationWorkspace work,
        CancellationToken cancellationToken
    )
    {
        var shape = level.Geometry.Shape;
        var fluid = FieldFilter.Gaussian(options.FluidSigma);
        var diffusion = FieldFilter.Gaussian(options.DiffusionSigma);
        var scores = new List<double>(iterations + 1);
        for (var n = 0; ; n++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            VelocityField.CoarseExponential(work.Velocity, shape, work.Displacement, work.Coarse);
            scores.Add(
                LocalCorrelation.Evaluate(level, moving, affine, work.Displacement, work).Score
            );
            var stalled = n >= Patience && scores[n] - scores[n - Patience] < options.Tolerance;
            if (n == iterations || stalled)
            {
                return scores[n];
            }
            var rest = Rest * Weigh(level, work.Force);
            work.Convolve(work.Force, shape, fluid);
            Move(work.Velocity, work.Force, rest, level.Voxels.Length);
            work.Convolve(work.Velocity, shape, diffusion);
        }
    }

    /// <summary>(gradient; residual) becomes (residual·gradient; gradient² + κ·residual²): smoothed together, their ratio carries what edges say into flat regions at full strength. Returns the mean denominator.</summary>
    private static float Weigh(FixedLevel level, float[] force)
    {
        ref var f = ref MemoryMarshal.GetArrayDataReference(force);
        var total = 0.0;
        var width = level.Geometry.Shape.I;
        for (var row = 0; row < level.Rows.Length; row++)
        {
            var (first, end) = level.Rows[row];
            for (var i = first; i < end; i++)
            {
                var n = (nuint)(4 * (row * width + i));
                var value = Vector128.LoadUnsafe(ref f, n);
                var residual = value.GetElement(3);
                var gradient = value.WithElement(3, 0);
                var weight = Vector128.Dot(gradient, gradient) + Damping * residual * residual;
                total += weight;
                (gradient * residual).WithElement(3, weight).StoreUnsafe(ref f, n);
            }
        }
        return (float)(total / level.MaskVoxels);
    }

    private static void Move(float[] velocity, float[] force, float rest, int voxels)
    {
        ref var v = ref MemoryMarshal.GetArrayDataReference(velocity);
        ref var f = ref MemoryMarshal.GetArrayDataReference(force);
        var floor = rest + 1e-12f;
        for (nuint n = 0; n < (nuint)(4 * voxels); n += 4)
        {
            var value = Vector128.LoadUnsafe(ref f, n);
            var step = value.WithElement(3, 0) / Vector128.Create(value.GetElement(3) + floor);
            (Vector128.LoadUnsafe(ref v, n) + step).StoreUnsafe(ref v, n);
        }
    }
}
