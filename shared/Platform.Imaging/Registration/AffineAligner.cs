namespace Platform.Imaging.Registration;

/// <summary>
/// Affine alignment: an exhaustive search over shifts at the coarsest level, then Gauss–Newton with Levenberg–Marquardt damping on the
/// local correlation, rotation, shift and one scale first, all twelve parameters after.
/// </summary>
internal static class AffineAligner
{
    /// <summary>Columns of the similarity transform's basis in the twelve entries of a 3×4 matrix: three shifts, three rotations, one scale.</summary>
    private static readonly (int Entry, double Value)[][] Similarity =
    [
        [(3, 1)],
        [(7, 1)],
        [(11, 1)],
        [(6, -1), (9, 1)],
        [(2, 1), (8, -1)],
        [(1, -1), (4, 1)],
        [(0, 1), (5, 1), (10, 1)],
    ];

    private static readonly (int Entry, double Value)[][] Affine =
    [
        .. Enumerable.Range(0, 12).Select(n => new[] { (n, 1.0) }),
    ];

    /// <summary>Aligns and returns the map fixed world → moving world.</summary>
    public static AffineTransform Align(
        FixedImage fixedImage,
        MovingImage moving,
        RegistrationWorkspace work,
        CancellationToken cancellationToken
    )
    {
        var (coarse, options) = (fixedImage.Levels[0], fixedImage.Options);
        var iterations = options.AffineIterations;
        var (best, bestScore) = (AffineTransform.Identity, double.NegativeInfinity);
        foreach (
            var start in fixedImage.Probe.Best(
                moving.Levels[0],
                options.Starts,
                options.LargestShiftMm
            )
        )
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (map, score) = Refine(
                coarse,
                moving.Levels[0],
                start,
                Similarity,
                iterations[0] / 2,
                work
            );
            if (score > bestScore)
            {
                (best, bestScore) = (map, score);
            }
        }
        for (var n = 0; n < Math.Min(iterations.Count, fixedImage.Levels.Count); n++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            (best, _) = Refine(
                fixedImage.Levels[n],
                moving.Levels[n],
                best,
                Affine,
                iterations[n],
                work
            );
        }
        return best;
    }

    private static (AffineTransform Map, double Score) Refine(
        FixedLevel level,
        Volume<float> moving,
        AffineTransform map,
        (int Entry, double Value)[][] basis,
        int iterations,
        RegistrationWorkspace work
    )
    {
        var equations = new AffineNormalEquations(level);
        var score = LocalCorrelation.Evaluate(level, moving, map, null, work);
        equations.Sum(work.Force);
        var damping = 1e-3;
        for (var n = 0; n < iterations && damping < 1e3; n++)
        {
            if (equations.Solve(basis, damping) is not { } step)
            {
                break;
            }
            var candidate = map.After(step.Update);
            var candidateScore = LocalCorrelation.Evaluate(level, moving, candidate, null, work);
            if (candidateScore <= score)
            {
                damping *= 10;
                continue;
            }
            var gain = candidateScore - score;
            (map, score) = (candidate, candidateScore);
            if (step.LargestShift < 0.02 || gain < 1e-5)
            {
                break;
            }
            equations.Sum(work.Force);
            damping = Math.Max(1e-6, damping * 0.2);
        }
        return (map, score);
    }
}
