using System.Runtime.CompilerServices;
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
        work.Convolve(work.Statistics, fixedLevel.Geometry.Shape, fixedLevel.Window);
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
        Array.Clear(work.Force, 0, 4 * fixedLevel.Voxels.Length);
        // Neighbours are read and written at masked voxels only, whose neighbours exist: no index needs a check.
        ref var mask = ref MemoryMarshal.GetArrayDataReference(fixedLevel.Mask);
        ref var voxels = ref MemoryMarshal.GetArrayDataReference(fixedLevel.Voxels);
        ref var means = ref MemoryMarshal.GetArrayDataReference(fixedLevel.Mean);
        ref var weights = ref MemoryMarshal.GetArrayDataReference(fixedLevel.Weight);
        ref var inverses = ref MemoryMarshal.GetArrayDataReference(fixedLevel.InverseDeviation);
        ref var warped = ref MemoryMarshal.GetArrayDataReference(work.Warped);
        ref var statistics = ref MemoryMarshal.GetArrayDataReference(work.Statistics);
        ref var force = ref MemoryMarshal.GetArrayDataReference(work.Force);
        var total = 0.0;
        var compared = 0;
        for (var row = 0; row < fixedLevel.Rows.Length; row++)
        {
            var (first, end) = fixedLevel.Rows[row];
            for (var n = row * shape.I + first; n < row * shape.I + end; n++)
            {
                var local = Vector128.LoadUnsafe(ref statistics, (nuint)(4 * n));
                var seen = local.GetElement(3);
                var kind = Unsafe.Add(ref mask, n);
                // Near the edge of the moving image the two windows would differ: not compared there.
                if (kind == 0 || seen < 0.9f * Unsafe.Add(ref weights, n))
                {
                    continue;
                }
                compared++;
                local *= Vector128.Create(1 / seen);
                var mean = local.GetElement(0);
                var fixedMean = Unsafe.Add(ref means, n);
                var fixedInverse = Unsafe.Add(ref inverses, n);
                var variance = Math.Max(0, local.GetElement(1) - mean * mean);
                var inverse = 1 / MathF.Sqrt(variance + floor + float.Epsilon);
                var correlation = (local.GetElement(2) - fixedMean * mean) * inverse * fixedInverse;
                total += correlation;
                if (kind == FixedLevel.Inner)
                {
                    ref var v = ref Unsafe.Add(ref voxels, n);
                    ref var w = ref Unsafe.Add(ref warped, n);
                    var gradient =
                        Vector128.Create(0.25f * fixedInverse) * Slopes(ref v, stepJ, stepK)
                        + Vector128.Create(0.25f * inverse) * Slopes(ref w, stepJ, stepK);
                    gradient
                        .WithElement(
                            3,
                            (v - fixedMean) * fixedInverse - correlation * (w - mean) * inverse
                        )
                        .StoreUnsafe(ref force, (nuint)(4 * n));
                }
            }
        }
        var score = total / fixedLevel.MaskVoxels;
        return new(score, score, (double)compared / fixedLevel.MaskVoxels);
    }

    /// <summary>Differences of the two neighbours along i, j and k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Slopes(ref float voxel, int stepJ, int stepK) =>
        Vector128.Create(
            Unsafe.Add(ref voxel, 1),
            Unsafe.Add(ref voxel, stepJ),
            Unsafe.Add(ref voxel, stepK),
            0
        )
        - Vector128.Create(
            Unsafe.Add(ref voxel, -1),
            Unsafe.Add(ref voxel, -stepJ),
            Unsafe.Add(ref voxel, -stepK),
            0
        );
}
