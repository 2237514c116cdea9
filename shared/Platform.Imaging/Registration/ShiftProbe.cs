namespace Platform.Imaging.Registration;

/// <summary>
/// A few masked voxels of a fixed level, relative to their centre, with which shifts are compared: computed once, used by every search.
/// </summary>
internal sealed class ShiftProbe
{
    /// <summary>Every how many masked voxels one is looked at.</summary>
    private const int Stride = 7;

    /// <summary>Distance between shifts tried, in voxels of the moving level.</summary>
    private const int Step = 2;

    /// <summary>Classes of the fixed image's intensities where contrasts differ.</summary>
    private const int Classes = 8;

    private readonly bool _contrastsDiffer;
    private readonly (float X, float Y, float Z, float Value)[] _points;
    private readonly (double X, double Y, double Z) _centre;
    private readonly (double X, double Y, double Z) _fieldCentre;

    /// <param name="level">The coarsest level.</param>
    /// <param name="field">The fixed image's whole grid, before it was cut to the mask.</param>
    public ShiftProbe(FixedLevel level, VolumeGeometry field)
    {
        _contrastsDiffer = level.Bins.Length > 0;
        var shape = level.Geometry.Shape;
        var points = new List<(double X, double Y, double Z, float Value)>();
        var seen = 0;
        for (var n = 0; n < level.Mask.Length; n++)
        {
            if (level.Mask[n] != 0 && seen++ % Stride == 0)
            {
                var jk = n / shape.I;
                var (x, y, z) = level.Geometry.ToWorld(n % shape.I, jk % shape.J, jk / shape.J);
                var value = _contrastsDiffer
                    ? level.Bins[n] * Classes / MutualInformation.Bins
                    : level.Voxels[n];
                points.Add((x, y, z, value));
            }
        }
        _centre = (points.Average(p => p.X), points.Average(p => p.Y), points.Average(p => p.Z));
        _fieldCentre = Centre(field);
        _points =
        [
            .. points.Select(p =>
                (
                    (float)(p.X - _centre.X),
                    (float)(p.Y - _centre.Y),
                    (float)(p.Z - _centre.Z),
                    p.Value
                )
            ),
        ];
    }

    /// <summary>The shifts with the highest global correlation, or correlation ratio where contrasts differ, best first.</summary>
    /// <param name="moving">The moving image's coarsest level.</param>
    /// <param name="count">Shifts wanted.</param>
    /// <param name="largestMm">See <see cref="RegistrationOptions.LargestShiftMm"/>.</param>
    public IEnumerable<AffineTransform> Best(Volume<float> moving, int count, double? largestMm)
    {
        var toIndex = AffineTransform.WorldToIndex(moving.Geometry).Entries;
        var relative = new (float X, float Y, float Z, float Value)[_points.Length];
        for (var n = 0; n < relative.Length; n++)
        {
            var (x, y, z, value) = _points[n];
            relative[n] = (
                (float)(toIndex[0] * x + toIndex[1] * y + toIndex[2] * z),
                (float)(toIndex[4] * x + toIndex[5] * y + toIndex[6] * z),
                (float)(toIndex[8] * x + toIndex[9] * y + toIndex[10] * z),
                value
            );
        }
        var (shape, middle) = (moving.Geometry.Shape, Centre(moving.Geometry));
        var scored = new List<(double Score, AffineTransform Map)>();
        foreach (var k in Positions(shape.K))
        {
            foreach (var j in Positions(shape.J))
            {
                foreach (var i in Positions(shape.I))
                {
                    var (x, y, z) = moving.Geometry.ToWorld(i, j, k);
                    var (dx, dy, dz) = (x - _centre.X, y - _centre.Y, z - _centre.Z);
                    if (Beyond(dx, dy, dz, middle) <= (largestMm ?? double.PositiveInfinity))
                    {
                        scored.Add(
                            (
                                _contrastsDiffer
                                    ? CorrelationRatio(relative, moving, i, j, k)
                                    : Correlation(relative, moving, i, j, k),
                                AffineTransform.Translation(dx, dy, dz)
                            )
                        );
                    }
                }
            }
        }
        return scored.Count == 0
            ?
            [
                AffineTransform.Translation(
                    middle.X - _fieldCentre.X,
                    middle.Y - _fieldCentre.Y,
                    middle.Z - _fieldCentre.Z
                ),
            ]
            : scored.OrderByDescending(s => s.Score).Take(count).Select(s => s.Map);

        static IEnumerable<int> Positions(int count)
        {
            for (var n = (count - 1) / 2 % Step; n < count; n += Step)
            {
                yield return n;
            }
        }
    }

    /// <summary>Distance in mm between a shift and the one that aligns the fields' centres.</summary>
    private double Beyond(double dx, double dy, double dz, (double X, double Y, double Z) middle)
    {
        dx -= middle.X - _fieldCentre.X;
        dy -= middle.Y - _fieldCentre.Y;
        dz -= middle.Z - _fieldCentre.Z;
        return Math.Sqrt(dx * dx + dy * dy + dz * dz);
    }

    private static (double X, double Y, double Z) Centre(VolumeGeometry grid) =>
        grid.ToWorld(0.5 * (grid.Shape.I - 1), 0.5 * (grid.Shape.J - 1), 0.5 * (grid.Shape.K - 1));

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

    /// <summary>
    /// Share of the moving image's variance that the classes of the fixed one explain (Roche et al., MICCAI 1998), over the points inside the moving image,
    /// times their share of all.
    /// </summary>
    private static double CorrelationRatio(
        (float X, float Y, float Z, float Class)[] points,
        Volume<float> moving,
        float i,
        float j,
        float k
    )
    {
        Span<double> counts = stackalloc double[Classes];
        Span<double> sums = stackalloc double[Classes];
        counts.Clear();
        sums.Clear();
        double sum = 0,
            squares = 0;
        var seen = 0;
        foreach (var (x, y, z, of) in points)
        {
            if (
                Interpolation.TryLinear(
                    moving.Voxels,
                    moving.Geometry.Shape,
                    i + x,
                    j + y,
                    k + z,
                    out var value
                )
            )
            {
                counts[(int)of]++;
                sums[(int)of] += value;
                sum += value;
                squares += value * value;
                seen++;
            }
        }
        var explained = 0.0;
        for (var n = 0; n < Classes; n++)
        {
            explained += counts[n] > 0 ? sums[n] * sums[n] / counts[n] : 0;
        }
        var common = seen > 0 ? sum * sum / seen : 0;
        return squares <= common
            ? 0
            : (explained - common) / (squares - common) * seen / points.Length;
    }
}
