using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Mutual information of two images, whatever their contrasts: joint histogram with a cubic B-spline Parzen window along the moving image's
/// intensities and bins along the fixed image's (Mattes et al., IEEE TMI 22:120, 2003).
/// </summary>
/// <remarks>
/// With the fixed image's entropy constant, mutual information is the mean log-likelihood of the fixed bin given the moving intensity (Roche et
/// al., Int. J. Imaging Syst. Technol. 11:71, 2000), and its exact gradient is that of the log-likelihood with the histogram held. So a step is one
/// of Fisher scoring: the Hessian, which has no useful Gauss–Newton form (the part with first derivatives alone has the wrong sign), is replaced by
/// the Fisher information of the fixed bin about the moving intensity, positive wherever intensities tell anything, and the normal equations are
/// those of a weighted least-squares problem. <see cref="AffineAligner"/> damps the step until the information rises.
/// </remarks>
internal static class MutualInformation
{
    /// <summary>Bins of each image's intensities.</summary>
    public const int Bins = 32;

    /// <summary>Cells of the joint histogram: a row of the moving image's bins for each of the fixed image's.</summary>
    public const int Cells = Bins * Bins;

    /// <summary>Values of the Fisher information tabulated in a bin.</summary>
    private const int Steps = 8;

    /// <summary>Length of <see cref="RegistrationWorkspace.Information"/>.</summary>
    public const int InformationSteps = Bins * Steps;

    /// <summary>Share of the mask that must lie inside the moving image.</summary>
    private const double LeastSeen = 0.1;

    /// <summary>Added to every count, so that an empty cell has a logarithm.</summary>
    private const double Empty = 0.01;

    // Coefficients of 1, f, f², f³ of the four cubic B-splines that reach a place f beyond a knot.
    private static Vector128<float> Constant => Vector128.Create(1f / 6, 4f / 6, 1f / 6, 0);
    private static Vector128<float> Linear => Vector128.Create(-0.5f, 0, 0.5f, 0);
    private static Vector128<float> Square => Vector128.Create(0.5f, -1, 0.5f, 0);
    private static Vector128<float> Cube => Vector128.Create(-1f / 6, 0.5f, -0.5f, 1f / 6);

    /// <summary>Samples the moving level on the fixed one's mask and takes the mutual information of what both show.</summary>
    /// <param name="level">The grid compared on, with its bins.</param>
    /// <param name="moving">The level of the moving image.</param>
    /// <param name="range">The moving level's intensities.</param>
    /// <param name="toMoving">Fixed world → moving world.</param>
    /// <param name="work">Its samples become the place in the moving image's bins, NaN outside the image.</param>
    /// <param name="threads">Slabs worked on at a time; the result does not depend on it.</param>
    public static Agreement Measure(
        FixedLevel level,
        Volume<float> moving,
        IntensityRange range,
        AffineTransform toMoving,
        RegistrationWorkspace work,
        int threads
    )
    {
        var map = AffineTransform
            .WorldToIndex(moving.Geometry)
            .After(toMoving)
            .After(AffineTransform.IndexToWorld(level.Geometry));
        level.ForEachSlab(
            threads,
            (slab, rows) =>
                Sample(
                    level,
                    rows,
                    moving,
                    range,
                    map.Entries,
                    work.Warped,
                    work.Histograms.AsSpan(slab * Cells, Cells)
                )
        );
        var joint = work.Histograms.AsSpan(0, Cells);
        for (var slab = 1; slab < FixedLevel.Slabs; slab++)
        {
            System.Numerics.Tensors.TensorPrimitives.Add(
                joint,
                work.Histograms.AsSpan(slab * Cells, Cells),
                joint
            );
        }
        return Information(joint, level.MaskVoxels, work);
    }

    /// <summary>
    /// Fills <see cref="RegistrationWorkspace.Force"/> with (gradient along i, j, k; residual) for the samples and histogram of the last
    /// <see cref="Measure"/>: gradient of the moving intensity times the root of the Fisher information, derivative of the log-likelihood over it.
    /// </summary>
    public static void Linearise(FixedLevel level, RegistrationWorkspace work, int threads)
    {
        Tabulate(work);
        level.ForEachSlab(threads, (_, rows) => Forces(level, rows, work));
    }

    private static void Sample(
        FixedLevel level,
        Range rows,
        Volume<float> moving,
        IntensityRange range,
        ReadOnlySpan<double> map,
        float[] warped,
        Span<double> histogram
    )
    {
        histogram.Clear();
        var shape = level.Geometry.Shape;
        var columnI = Vector128.Create((float)map[0], (float)map[4], (float)map[8], 0);
        var (voxels, movingShape) = (moving.Voxels, moving.Geometry.Shape);
        var (mask, bins) = (level.Mask, level.Bins);
        // Four splines reach a place: the first and the last bin hold their tails.
        var scale = (Bins - 3) / range.Width;
        var offset = 1 - range.Least * scale;
        const float most = Bins - 2 - 1e-3f;
        ref var cells = ref MemoryMarshal.GetReference(histogram);
        for (var row = rows.Start.Value; row < rows.End.Value; row++)
        {
            var (first, end) = level.Rows[row];
            double j = row % shape.J,
                k = row / shape.J;
            var line = Vector128.Create(
                (float)(map[1] * j + map[2] * k + map[3]),
                (float)(map[5] * j + map[6] * k + map[7]),
                (float)(map[9] * j + map[10] * k + map[11]),
                0
            );
            var start = row * shape.I;
            warped.AsSpan(start, shape.I).Fill(float.NaN);
            for (var i = first; i < end; i++)
            {
                var n = start + i;
                var at = line + columnI * i;
                if (
                    mask[n] == 0
                    || !Interpolation.TryLinear(
                        voxels,
                        movingShape,
                        at.GetElement(0),
                        at.GetElement(1),
                        at.GetElement(2),
                        out var value
                    )
                )
                {
                    continue;
                }
                var place = Math.Clamp(value * scale + offset, 1, most);
                warped[n] = place;
                var bin = (int)place;
                var f = Vector128.Create(place - bin);
                var (low, high) = Vector128.Widen(
                    ((Cube * f + Square) * f + Linear) * f + Constant
                );
                ref var cell = ref Unsafe.Add(ref cells, bins[n] * Bins + bin - 1);
                (Vector256.LoadUnsafe(ref cell) + Vector256.Create(low, high)).StoreUnsafe(
                    ref cell
                );
            }
        }
    }

    /// <summary>
    /// Mutual information of a joint histogram, in nats a voxel of the mask, those outside the moving image counting as 0; as similarity its share of the
    /// smaller of the two entropies, 0 to 1. The logarithms of its probabilities stay in the workspace.
    /// </summary>
    private static Agreement Information(
        Span<double> joint,
        int maskVoxels,
        RegistrationWorkspace work
    )
    {
        Span<double> fixedCounts = stackalloc double[Bins];
        Span<double> movingCounts = stackalloc double[Bins];
        fixedCounts.Clear();
        movingCounts.Clear();
        var total = 0.0;
        for (var n = 0; n < Cells; n++)
        {
            fixedCounts[n / Bins] += joint[n];
            movingCounts[n % Bins] += joint[n];
            total += joint[n];
        }
        var seen = total / maskVoxels;
        if (seen < LeastSeen)
        {
            Array.Clear(work.LogRatios);
            return new(0, 0, seen);
        }
        var information = 0.0;
        for (var n = 0; n < Cells; n++)
        {
            var ratio = Math.Log(
                (joint[n] + Empty)
                    / (movingCounts[n % Bins] + Bins * Empty)
                    * total
                    / (fixedCounts[n / Bins] + Empty)
            );
            work.LogRatios[n] = (float)ratio;
            information += joint[n] / total * ratio;
        }
        var least = Math.Min(Entropy(fixedCounts, total), Entropy(movingCounts, total));
        return new(information * seen, least > 0 ? information / least : 0, seen);
    }

    private static double Entropy(ReadOnlySpan<double> counts, double total)
    {
        var entropy = 0.0;
        foreach (var count in counts)
        {
            entropy -= count > 0 ? count / total * Math.Log(count / total) : 0;
        }
        return entropy;
    }

    /// <summary>The Fisher information of the fixed bin about the moving intensity, at <see cref="Steps"/> places in each bin.</summary>
    private static void Tabulate(RegistrationWorkspace work)
    {
        for (var step = 0; step < InformationSteps; step++)
        {
            var (bin, within) = Math.DivRem(step, Steps);
            var sum = 0.0;
            if (bin is >= 1 and <= Bins - 3)
            {
                var f = Vector128.Create((within + 0.5f) / Steps);
                var weights = ((Cube * f + Square) * f + Linear) * f + Constant;
                var slopes = (3 * Cube * f + 2 * Square) * f + Linear;
                double counts = 0;
                for (var row = 0; row < Cells; row += Bins)
                {
                    var likelihood = 0.0;
                    for (var tap = 0; tap < 4; tap++)
                    {
                        likelihood += weights[tap] * work.Histograms[row + bin - 1 + tap];
                    }
                    double slope = Slope(work.LogRatios, row + bin - 1, slopes);
                    counts += likelihood;
                    sum += likelihood * slope * slope;
                }
                sum = counts > 0 ? sum / counts : 0;
            }
            work.Information[step] = (float)Math.Sqrt(sum);
        }
    }

    private static void Forces(FixedLevel level, Range rows, RegistrationWorkspace work)
    {
        var shape = level.Geometry.Shape;
        int stepJ = shape.I,
            stepK = shape.I * shape.J;
        var (force, warped, bins) = (work.Force, work.Warped, level.Bins);
        for (var row = rows.Start.Value; row < rows.End.Value; row++)
        {
            force.AsSpan(4 * row * shape.I, 4 * shape.I).Clear();
            int j = row % shape.J,
                k = row / shape.J;
            if (j == 0 || j == shape.J - 1 || k == 0 || k == shape.K - 1)
            {
                continue;
            }
            var (first, end) = level.Rows[row];
            for (var i = Math.Max(first, 1); i < Math.Min(end, shape.I - 1); i++)
            {
                var n = row * shape.I + i;
                var gradient =
                    0.5f
                    * Vector128.Create(
                        warped[n + 1] - warped[n - 1],
                        warped[n + stepJ] - warped[n - stepJ],
                        warped[n + stepK] - warped[n - stepK],
                        0
                    );
                var place = warped[n];
                // NaN: a neighbour, or the voxel itself, lies outside.
                if (float.IsNaN(Vector128.Sum(gradient) + place))
                {
                    continue;
                }
                var root = work.Information[(int)(place * Steps)];
                if (root < 1e-3f)
                {
                    continue;
                }
                var bin = (int)place;
                var f = Vector128.Create(place - bin);
                var slopes = (3 * Cube * f + 2 * Square) * f + Linear;
                var residual = Slope(work.LogRatios, bins[n] * Bins + bin - 1, slopes) / root;
                (root * gradient)
                    .WithElement(3, residual)
                    .StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(force), (nuint)(4 * n));
            }
        }
    }

    /// <summary>Derivative of the log-likelihood by the place in the moving image's bins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Slope(float[] logRatios, int cell, Vector128<float> slopes) =>
        Vector128.Dot(
            Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(logRatios), (nuint)cell),
            slopes
        );
}
