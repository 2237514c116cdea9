namespace Platform.Imaging.Registration;

/// <summary>
/// Affine or rigid alignment by steps with Levenberg–Marquardt damping: Gauss–Newton on the local correlation, Fisher scoring on mutual information.
/// Affine: an exhaustive search over shifts at the coarsest level, then rotation, shift and one scale, then all twelve parameters. Rigid: from where the
/// two worlds put the images.
/// </summary>
internal static class AffineAligner
{
    /// <summary>Columns of the similarity transform's basis in the twelve entries of a 3×4 matrix: three shifts, three rotations, one scale.</summary>
    private static readonly (int Entry, double Value)[][] SimilarityTransform =
    [
        [(3, 1)],
        [(7, 1)],
        [(11, 1)],
        [(6, -1), (9, 1)],
        [(2, 1), (8, -1)],
        [(1, -1), (4, 1)],
        [(0, 1), (5, 1), (10, 1)],
    ];

    /// <summary>Without the scale: three shifts, three rotations.</summary>
    private static readonly (int Entry, double Value)[][] Rigid = SimilarityTransform[..6];

    private static readonly (int Entry, double Value)[][] Affine =
    [
        .. Enumerable.Range(0, 12).Select(n => new[] { (n, 1.0) }),
    ];

    /// <summary>Aligns and returns the map fixed world → moving world, with what it maximised at the finest level used.</summary>
    public static LinearAlignment Align(
        FixedImage fixedImage,
        MovingImage moving,
        RegistrationWorkspace work,
        CancellationToken cancellationToken
    )
    {
        var options = fixedImage.Options;
        var rigid = options.Model == LinearModel.Rigid;
        var iterations = options.AffineIterations;
        var starts = rigid
            ? [AffineTransform.Identity]
            : fixedImage.Probe.Best(moving.Levels[0], options.Starts, options.LargestShiftMm);
        var best = starts
            .Select(start =>
                Refine(0, start, rigid ? Rigid : SimilarityTransform, iterations[0] / 2)
            )
            .MaxBy(found => found.Agreement.Score);
        for (var n = 0; n < Math.Min(iterations.Count, fixedImage.Levels.Count); n++)
        {
            best = Refine(n, best.Map, rigid ? Rigid : Affine, iterations[n]);
        }
        return new(best.Map, best.Agreement.Similarity, best.Agreement.Seen);

        (AffineTransform Map, Agreement Agreement) Refine(
            int level,
            AffineTransform start,
            (int Entry, double Value)[][] basis,
            int most
        ) =>
            new LinearRefinement(fixedImage, moving, level, work).Run(
                start,
                basis,
                most,
                cancellationToken
            );
    }
}
