namespace Platform.Imaging.Registration;

/// <summary>
/// Affine alignment: an exhaustive search over shifts at the coarsest level, then Gauss–Newton with Levenberg–Marquardt damping on the
/// local correlation, rotation, shift and one scale first, all twelve parameters after.
/// </summary>
internal static class AffineAligner
{
    /// <summary>Starts refined after the search over shifts.</summary>
    private const int Starts = 4;

    /// <summary>Distance between shifts tried, in voxels of the coarsest level.</summary>
    private const int ShiftStep = 2;

    /// <summary>Every how many masked voxels the search over shifts looks at one.</summary>
    private const int ShiftStride = 7;

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
        var coarse = fixedImage.Levels[0];
        var iterations = fixedImage.Options.AffineIterations;
        var (best, bestScore) = (AffineTransform.Identity, double.NegativeInfinity);
        foreach (var start in SearchShifts(coarse, moving.Levels[0]))
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

    /// <summary>The shifts with the highest global correlation over the mask, every shift that keeps the mask's centre inside the moving image being tried.</summary>
    private static List<AffineTransform> SearchShifts(FixedLevel level, Volume<float> moving)
    {
        var points = new List<(double X, double Y, double Z, float Value)>();
        var seen = 0;
        double cx = 0,
            cy = 0,
            cz = 0;
        for (var n = 0; n < level.Mask.Length; n++)
        {
            if (level.Mask[n] != 0 && seen++ % ShiftStride == 0)
            {
                var (i, jk) = (n % level.Geometry.Shape.I, n / level.Geometry.Shape.I);
                var (x, y, z) = level.Geometry.ToWorld(
                    i,
                    jk % level.Geometry.Shape.J,
                    jk / level.Geometry.Shape.J
                );
                points.Add((x, y, z, level.Voxels[n]));
                (cx, cy, cz) = (cx + x, cy + y, cz + z);
            }
        }
        (cx, cy, cz) = (cx / points.Count, cy / points.Count, cz / points.Count);
        var toIndex = AffineTransform.WorldToIndex(moving.Geometry);
        var shape = moving.Geometry.Shape;
        var relative = points
            .Select(p =>
            {
                var (x, y, z) = toIndex.Apply(p.X, p.Y, p.Z);
                var (x0, y0, z0) = toIndex.Apply(cx, cy, cz);
                return (X: (float)(x - x0), Y: (float)(y - y0), Z: (float)(z - z0), p.Value);
            })
            .ToArray();
        var scored = new List<(double Score, AffineTransform Map)>();
        foreach (var k in Positions(shape.K))
        {
            foreach (var j in Positions(shape.J))
            {
                foreach (var i in Positions(shape.I))
                {
                    var (x, y, z) = moving.Geometry.ToWorld(i, j, k);
                    scored.Add(
                        (
                            Correlation(relative, moving, i, j, k),
                            AffineTransform.Translation(x - cx, y - cy, z - cz)
                        )
                    );
                }
            }
        }
        return [.. scored.OrderByDescending(s => s.Score).Take(Starts).Select(s => s.Map)];

        static IEnumerable<int> Positions(int count)
        {
            for (var n = (count - 1) / 2 % ShiftStep; n < count; n += ShiftStep)
            {
                yield return n;
            }
        }
    }

    /// <summary>Correlation of the points' values with the moving image around an index position; points outside it take 0, its background.</summary>
    private static double Correlation(
        (float X, float Y, float Z, float Value)[] points,
        Volume<float> moving,
        float i,
        float j,
        float k
    )
    {
        double sumA = 0,
            sumB = 0,
            sumAA = 0,
            sumBB = 0,
            sumAB = 0;
        foreach (var (x, y, z, a) in points)
        {
            Interpolation.TryLinear(
                moving.Voxels,
                moving.Geometry.Shape,
                i + x,
                j + y,
                k + z,
                out var b
            );
            sumA += a;
            sumB += b;
            sumAA += a * a;
            sumBB += b * b;
            sumAB += a * b;
        }
        var n = points.Length;
        var variances = (sumAA - sumA * sumA / n) * (sumBB - sumB * sumB / n);
        return variances <= 0 ? -1 : (sumAB - sumA * sumB / n) / Math.Sqrt(variances);
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
