using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Local normalised cross-correlation (LNCC) in a Gaussian window, and the force that raises it. Both images are brought to zero mean and
/// unit deviation in the window; the residual between them, with the mean of their gradients (symmetric forces), is what an affine
/// Gauss–Newton step sums up and a demons step applies voxel by voxel.
/// </summary>
internal static class LocalCorrelation
{
    /// <summary>Warps the moving level and fills <see cref="RegistrationWorkspace.Force"/> with (gradient along i, j, k; residual) in the mask, zero elsewhere.</summary>
    /// <param name="fixedLevel">The grid compared on.</param>
    /// <param name="moving">The level of the moving image.</param>
    /// <param name="toMoving">Fixed world → moving world, applied after the displacement.</param>
    /// <param name="displacement">Four floats a voxel: displacement along i, j, k in voxels of the fixed level; null for none.</param>
    /// <param name="work">Buffers.</param>
    /// <returns>Mean correlation over the mask, −1 to 1, voxels that fall outside the moving image counting as 0.</returns>
    public static Agreement Evaluate(
        FixedLevel fixedLevel,
        Volume<float> moving,
        AffineTransform toMoving,
        float[]? displacement,
        RegistrationWorkspace work
    )
    {
        var floor = Warp(fixedLevel, moving, toMoving, displacement, work);
        FieldFilter.Convolve(
            work.Statistics,
            work.Scratch,
            fixedLevel.Geometry.Shape,
            4,
            fixedLevel.Window,
            fixedLevel.Window,
            fixedLevel.Window
        );
        return Forces(fixedLevel, floor, work);
    }

    /// <summary>Samples the moving image on the masked rows; statistics become (J, J², I·J, 1) where it could be sampled. Returns the noise floor (variance).</summary>
    private static float Warp(
        FixedLevel fixedLevel,
        Volume<float> moving,
        AffineTransform toMoving,
        float[]? displacement,
        RegistrationWorkspace work
    )
    {
        var shape = fixedLevel.Geometry.Shape;
        var map = AffineTransform
            .WorldToIndex(moving.Geometry)
            .After(toMoving)
            .After(AffineTransform.IndexToWorld(fixedLevel.Geometry))
            .Entries;
        var columnI = Vector128.Create((float)map[0], (float)map[4], (float)map[8], 0);
        var columnJ = Vector128.Create((float)map[1], (float)map[5], (float)map[9], 0);
        var columnK = Vector128.Create((float)map[2], (float)map[6], (float)map[10], 0);
        var origin = Vector128.Create((float)map[3], (float)map[7], (float)map[11], 0);
        var (voxels, movingShape) = (moving.Voxels, moving.Geometry.Shape);
        var (fixedVoxels, mask) = (fixedLevel.Voxels, fixedLevel.Mask);
        var (statistics, warped) = (work.Statistics, work.Warped);
        Array.Clear(statistics, 0, 4 * fixedVoxels.Length);
        double sum = 0,
            squares = 0;
        var count = 0;
        for (var row = 0; row < fixedLevel.Rows.Length; row++)
        {
            var (first, end) = fixedLevel.Rows[row];
            var start = row * shape.I;
            float j = row % shape.J,
                k = row / shape.J;
            for (var i = first; i < end; i++)
            {
                var n = start + i;
                if (mask[n] == 0)
                {
                    continue;
                }
                var index = Vector128.Create(i, j, k, 0f);
                if (displacement is not null)
                {
                    index += Vector128.LoadUnsafe(
                        ref MemoryMarshal.GetArrayDataReference(displacement),
                        (nuint)(4 * n)
                    );
                }
                var at =
                    origin
                    + columnI * index.GetElement(0)
                    + columnJ * index.GetElement(1)
                    + columnK * index.GetElement(2);
                if (
                    Interpolation.TryLinear(
                        voxels,
                        movingShape,
                        at.GetElement(0),
                        at.GetElement(1),
                        at.GetElement(2),
                        out var value
                    )
                )
                {
                    statistics[4 * n] = value;
                    statistics[4 * n + 1] = value * value;
                    statistics[4 * n + 2] = value * fixedVoxels[n];
                    statistics[4 * n + 3] = 1;
                    sum += value;
                    squares += value * value;
                    count++;
                }
                warped[n] = value;
            }
        }
        if (count == 0)
        {
            return 1;
        }
        sum /= count;
        return (float)(
            FixedLevel.NoiseFloor * FixedLevel.NoiseFloor * (squares / count - sum * sum)
        );
    }

    private static Agreement Forces(FixedLevel fixedLevel, float floor, RegistrationWorkspace work)
    {
        var shape = fixedLevel.Geometry.Shape;
        int stepJ = shape.I,
            stepK = shape.I * shape.J;
        var (voxels, mask, means) = (fixedLevel.Voxels, fixedLevel.Mask, fixedLevel.Mean);
        var (weights, inverses) = (fixedLevel.Weight, fixedLevel.InverseDeviation);
        var (statistics, warped, force) = (work.Statistics, work.Warped, work.Force);
        Array.Clear(force, 0, 4 * voxels.Length);
        var total = 0.0;
        var compared = 0;
        for (var row = 0; row < fixedLevel.Rows.Length; row++)
        {
            var (first, end) = fixedLevel.Rows[row];
            int j = row % shape.J,
                k = row / shape.J;
            var inner = j > 0 && j < shape.J - 1 && k > 0 && k < shape.K - 1;
            for (var i = first; i < end; i++)
            {
                var n = row * shape.I + i;
                var seen = statistics[4 * n + 3];
                // Near the edge of the moving image the two windows would differ: not compared there.
                if (mask[n] == 0 || seen < 0.9f * weights[n])
                {
                    continue;
                }
                compared++;
                var mean = statistics[4 * n] / seen;
                var variance = Math.Max(0, statistics[4 * n + 1] / seen - mean * mean);
                var inverse = 1 / MathF.Sqrt(variance + floor + float.Epsilon);
                var covariance = statistics[4 * n + 2] / seen - means[n] * mean;
                var correlation = covariance * inverse * inverses[n];
                total += correlation;
                if (
                    !inner
                    || i == 0
                    || i == shape.I - 1
                    || (mask[n - 1] & mask[n + 1] & mask[n - stepJ] & mask[n + stepJ]) == 0
                    || (mask[n - stepK] & mask[n + stepK]) == 0
                )
                {
                    continue;
                }
                float a = 0.25f * inverses[n],
                    b = 0.25f * inverse;
                force[4 * n] =
                    a * (voxels[n + 1] - voxels[n - 1]) + b * (warped[n + 1] - warped[n - 1]);
                force[4 * n + 1] =
                    a * (voxels[n + stepJ] - voxels[n - stepJ])
                    + b * (warped[n + stepJ] - warped[n - stepJ]);
                force[4 * n + 2] =
                    a * (voxels[n + stepK] - voxels[n - stepK])
                    + b * (warped[n + stepK] - warped[n - stepK]);
                force[4 * n + 3] =
                    (voxels[n] - means[n]) * inverses[n]
                    - correlation * (warped[n] - mean) * inverse;
            }
        }
        var score = total / fixedLevel.MaskVoxels;
        return new(score, score, (double)compared / fixedLevel.MaskVoxels);
    }
}
