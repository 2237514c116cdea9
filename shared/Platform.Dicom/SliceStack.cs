using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Decides whether slices form a volume, and which. Nothing is repaired: what is not a regular stack is refused with the numbers that show it.
/// </summary>
internal static class SliceStack
{
    /// <summary>Least tolerance for positions, mm; scanners write two to six decimals.</summary>
    private const double ToleranceMm = 0.01;

    /// <summary>Tolerance for increments relative to their mean.</summary>
    private const double RelativeTolerance = 0.01;

    /// <summary>Tolerance for direction cosines.</summary>
    private const double CosineTolerance = 1e-3;

    /// <summary>Most angle between the slices' normal and the line through their positions.</summary>
    private const double MostTiltDegrees = 0.2;

    /// <summary>Refuses what is not of one series, one stack and one grid.</summary>
    /// <returns>Where each slice lies along the normal of the first, mm.</returns>
    /// <exception cref="VolumeException">MixedSeries, NotAVolume or BadGeometry.</exception>
    public static double[] Along(IReadOnlyList<DicomSlice> slices)
    {
        var series = slices.Select(s => s.SeriesInstanceUid).Distinct().Count();
        if (series > 1)
        {
            throw new VolumeException(
                VolumeFault.MixedSeries,
                $"instances of {series} series where one is expected: send one series at a time"
            );
        }
        var stacks = slices.Select(s => s.StackId).Distinct().Count();
        if (stacks > 1)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"frames of {stacks} stacks where one is expected: send each as a series of its own"
            );
        }
        RequireTwo(slices);
        var first = slices[0];
        var normal = Normal(first);
        foreach (var slice in slices)
        {
            RequireSameGrid(first, slice);
        }
        return [.. slices.Select(s => (s.Position - first.Position).Dot(normal))];
    }

    /// <summary>Which slices lie at the same place along the normal: the number of its place for each, the first 0.</summary>
    /// <param name="along">Where each lies, mm.</param>
    public static int[] Places(double[] along)
    {
        var places = new int[along.Length];
        var order = Enumerable.Range(0, along.Length).OrderBy(n => along[n]).ToArray();
        for (var n = 1; n < order.Length; n++)
        {
            var isSame = along[order[n]] - along[order[n - 1]] < ToleranceMm;
            places[order[n]] = places[order[n - 1]] + (isSame ? 0 : 1);
        }
        return places;
    }

    /// <summary>Order of the slices along their normal, and the grid (LPS turned to RAS).</summary>
    /// <param name="slices">Of one grid.</param>
    /// <param name="along">Where each lies along the normal, mm.</param>
    /// <exception cref="VolumeException">NotAVolume or BadGeometry.</exception>
    public static (int[] Order, VolumeGeometry Geometry) Arrange(
        IReadOnlyList<DicomSlice> slices,
        double[] along
    )
    {
        RequireTwo(slices);
        var order = Enumerable.Range(0, slices.Count).OrderBy(n => along[n]).ToArray();
        var steps = order.Zip(order.Skip(1), (a, b) => along[b] - along[a]).ToArray();
        RequireEven(steps);
        var (start, end) = (slices[order[0]].Position, slices[order[^1]].Position);
        var step = 1.0 / (slices.Count - 1) * (end - start);
        RequireStraight(slices, order, step, Normal(slices[0]));
        return (order, Geometry(slices[0], start, step, slices.Count));
    }

    private static void RequireTwo(IReadOnlyList<DicomSlice> slices)
    {
        if (slices.Count < 2)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"{slices.Count} slice: a volume has at least 2"
            );
        }
    }

    private static Vector Normal(DicomSlice slice)
    {
        var (row, column) = (slice.AlongRow, slice.AlongColumn);
        if (
            Math.Abs(row.Length - 1) > CosineTolerance
            || Math.Abs(column.Length - 1) > CosineTolerance
            || Math.Abs(row.Dot(column)) > CosineTolerance
        )
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"ImageOrientationPatient is not two perpendicular unit vectors: lengths {row.Length:g6} and {column.Length:g6}, product {row.Dot(column):g3}"
            );
        }
        if (!(slice.Spacing.Rows > 0) || !(slice.Spacing.Columns > 0))
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"PixelSpacing is {slice.Spacing.Rows:g6}×{slice.Spacing.Columns:g6} mm: it must be above 0"
            );
        }
        return row.Cross(column);
    }

    private static void RequireSameGrid(DicomSlice first, DicomSlice slice)
    {
        if (slice.Format.Rows != first.Format.Rows || slice.Format.Columns != first.Format.Columns)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"slices of {first.Format.Rows}×{first.Format.Columns} and {slice.Format.Rows}×{slice.Format.Columns} pixels in one series"
            );
        }
        var turned = Math.Max(
            (slice.AlongRow - first.AlongRow).Length,
            (slice.AlongColumn - first.AlongColumn).Length
        );
        if (turned > CosineTolerance)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"slices of different orientation in one series: directions differ by up to {turned:g3}"
            );
        }
        var wider = Math.Max(
            Math.Abs(slice.Spacing.Rows - first.Spacing.Rows),
            Math.Abs(slice.Spacing.Columns - first.Spacing.Columns)
        );
        if (wider > 1e-3 * first.Spacing.Rows)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"PixelSpacing differs by {wider:g3} mm between slices of one series"
            );
        }
    }

    private static void RequireEven(double[] steps)
    {
        var (least, most) = (steps.Min(), steps.Max());
        if (least < ToleranceMm)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"{steps.Count(s => s < ToleranceMm) + 1} slices lie at the same position as another: several volumes or repeats in one series that no attribute tells apart"
            );
        }
        var tolerance = Math.Max(ToleranceMm, RelativeTolerance * steps.Average());
        if (most - least <= tolerance)
        {
            return;
        }
        var usual = steps.Order().ElementAt(steps.Length / 2);
        var gaps = steps.Count(s => s > 1.5 * usual);
        throw new VolumeException(
            VolumeFault.BadGeometry,
            gaps > 0
                ? $"slices are missing: {gaps} of {steps.Length} increments are above 1.5 × {usual:g6} mm (up to {most:g6} mm)"
                : $"uneven slice increments of {least:g6} to {most:g6} mm, tolerance {tolerance:g3} mm"
        );
    }

    private static void RequireStraight(
        IReadOnlyList<DicomSlice> slices,
        int[] order,
        Vector step,
        Vector normal
    )
    {
        var forward = step.Dot(normal);
        var sideways = (step - forward * normal).Length;
        var tilt = Math.Atan2(sideways, forward) * 180 / Math.PI;
        if (tilt > MostTiltDegrees)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"slices are sheared by {tilt:g4} degrees (gantry tilt): each is shifted by {sideways:g4} mm against the one before"
            );
        }
        var tolerance = Math.Max(10 * ToleranceMm, RelativeTolerance * forward);
        var start = slices[order[0]].Position;
        for (var n = 0; n < order.Length; n++)
        {
            var off = (slices[order[n]].Position - (start + n * step)).Length;
            if (off > tolerance)
            {
                throw new VolumeException(
                    VolumeFault.BadGeometry,
                    $"slice {n + 1} lies {off:g4} mm off the line of the others, tolerance {tolerance:g3} mm"
                );
            }
        }
    }

    private static VolumeGeometry Geometry(DicomSlice slice, Vector start, Vector step, int count)
    {
        // DICOM world is LPS: x and y change sign.
        var i = slice.Spacing.Columns * slice.AlongRow;
        var j = slice.Spacing.Rows * slice.AlongColumn;
        return new VolumeGeometry(
            (slice.Format.Columns, slice.Format.Rows, count),
            [
                -i.X,
                -j.X,
                -step.X,
                -start.X,
                -i.Y,
                -j.Y,
                -step.Y,
                -start.Y,
                i.Z,
                j.Z,
                step.Z,
                start.Z,
            ]
        );
    }
}
