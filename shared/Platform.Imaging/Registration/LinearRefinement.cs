namespace Platform.Imaging.Registration;

/// <summary>Damped steps of a linear map at one level, each of which raises the similarity.</summary>
internal sealed class LinearRefinement(
    FixedImage fixedImage,
    MovingImage moving,
    int level,
    RegistrationWorkspace work
)
{
    private readonly RegistrationOptions _options = fixedImage.Options;
    private readonly FixedLevel _fixed = fixedImage.Levels[level];
    private readonly Volume<float> _moving = moving.Levels[level];

    /// <summary>Moves a map from where it is.</summary>
    /// <param name="map">Fixed world → moving world.</param>
    /// <param name="basis">What it may do: columns in the twelve entries of a 3×4 matrix.</param>
    /// <param name="iterations">Steps tried at most.</param>
    /// <param name="cancellationToken">Stops within a step.</param>
    public (AffineTransform Map, Agreement Agreement) Run(
        AffineTransform map,
        (int Entry, double Value)[][] basis,
        int iterations,
        CancellationToken cancellationToken
    )
    {
        var (shape, geometry) = (_fixed.Geometry.Shape, _fixed.Geometry);
        var centre = geometry.ToWorld(
            0.5 * (shape.I - 1),
            0.5 * (shape.J - 1),
            0.5 * (shape.K - 1)
        );
        var equations = new AffineNormalEquations(_fixed);
        var agreement = Measure(map);
        Linearise();
        var damping = 1e-3;
        for (var n = 0; n < iterations && damping < 1e3; n++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (equations.Solve(basis, damping) is not { } step)
            {
                break;
            }
            var candidate = map.After(step.Update);
            if (_options.Model == LinearModel.Rigid)
            {
                candidate = candidate.NearestRigid(centre);
            }
            var found = Measure(candidate);
            var gain = found.Score - agreement.Score;
            if (gain > 0)
            {
                (map, agreement) = (candidate, found);
            }
            if (step.LargestShift < 0.02 || gain is > 0 and < 1e-5)
            {
                break;
            }
            if (gain <= 0)
            {
                damping *= 10;
                continue;
            }
            Linearise();
            damping = Math.Max(1e-6, damping * 0.2);
        }
        return (map, agreement);

        void Linearise()
        {
            if (_options.Similarity == Similarity.MutualInformation)
            {
                MutualInformation.Linearise(_fixed, work, _options.Threads);
            }
            equations.Sum(work.Force, _options.Threads);
        }
    }

    private Agreement Measure(AffineTransform map) =>
        _options.Similarity == Similarity.MutualInformation
            ? MutualInformation.Measure(
                _fixed,
                _moving,
                moving.Ranges[level],
                map,
                work,
                _options.Threads
            )
            : LocalCorrelation.Evaluate(_fixed, _moving, map, null, work);
}
