using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Stationary velocity fields and their exponentials: four floats a voxel (along i, j, k in voxels of the grid; fourth unused),
/// i fastest. The exponential is the flow after unit time, smooth and invertible by its negative (scaling and squaring,
/// Arsigny 2006).
/// </summary>
internal static class VelocityField
{
    /// <summary>Longest first step of the squaring, in voxels.</summary>
    private const double LongestStep = 0.25;

    /// <summary>displacement = exp(sign · velocity) − identity.</summary>
    /// <param name="velocity">The field; untouched.</param>
    /// <param name="shape">Voxels along i, j, k.</param>
    /// <param name="sign">1, or −1 for the inverse map.</param>
    /// <param name="displacement">Receives the result.</param>
    /// <param name="scratch">Overwritten.</param>
    public static void Exponential(
        float[] velocity,
        (int I, int J, int K) shape,
        float sign,
        float[] displacement,
        float[] scratch
    )
    {
        var length = 4 * shape.I * shape.J * shape.K;
        var steps = 0;
        for (var longest = Longest(velocity, length); longest > LongestStep; longest /= 2)
        {
            steps++;
        }
        var scale = Vector128.Create(sign / (1 << steps));
        // An odd number of squarings ends in the other buffer: start so that the last lands in displacement.
        var (from, to) = steps % 2 == 0 ? (displacement, scratch) : (scratch, displacement);
        for (nuint n = 0; n < (nuint)length; n += 4)
        {
            (
                scale * Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(velocity), n)
            ).StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(from), n);
        }
        for (var step = 0; step < steps; step++)
        {
            Square(from, to, shape);
            (from, to) = (to, from);
        }
    }

    /// <summary>Voxels of the grid twice as coarse; its voxel c lies between voxels 2c and 2c + 1.</summary>
    public static (int I, int J, int K) Half((int I, int J, int K) shape) =>
        ((shape.I + 1) / 2, (shape.J + 1) / 2, (shape.K + 1) / 2);

    /// <summary>
    /// As <see cref="Exponential"/> with sign 1, squared on the grid twice as coarse: a quarter of the time, without what of the velocity
    /// is smaller than two voxels. For looking at the images on the way.
    /// </summary>
    /// <param name="velocity">The field; untouched.</param>
    /// <param name="shape">Voxels along i, j, k.</param>
    /// <param name="displacement">Receives the result.</param>
    /// <param name="coarse">Three buffers of the coarse grid's size; overwritten.</param>
    public static void CoarseExponential(
        float[] velocity,
        (int I, int J, int K) shape,
        float[] displacement,
        (float[] Velocity, float[] Displacement, float[] Scratch) coarse
    )
    {
        var half = Half(shape);
        Halve(velocity, shape, coarse.Velocity, half);
        Exponential(coarse.Velocity, half, 1, coarse.Displacement, coarse.Scratch);
        Double(coarse.Displacement, half, coarse.Scratch, displacement, shape);
    }

    /// <summary>The field on a finer or coarser grid of the same axes, in voxels of that grid.</summary>
    public static void Resample(
        float[] velocity,
        VolumeGeometry from,
        VolumeGeometry to,
        float[] resampled
    )
    {
        var map = AffineTransform
            .WorldToIndex(from)
            .After(AffineTransform.IndexToWorld(to))
            .Entries;
        var scale = Vector128.Create(
            (float)(from.Spacing.I / to.Spacing.I),
            (float)(from.Spacing.J / to.Spacing.J),
            (float)(from.Spacing.K / to.Spacing.K),
            0
        );
        ref var source = ref MemoryMarshal.GetArrayDataReference(velocity);
        ref var target = ref MemoryMarshal.GetArrayDataReference(resampled);
        var last = Last(from.Shape);
        nuint n = 0;
        for (var k = 0; k < to.Shape.K; k++)
        {
            for (var j = 0; j < to.Shape.J; j++)
            {
                for (var i = 0; i < to.Shape.I; i++, n += 4)
                {
                    var at = Vector128.Create(
                        (float)(map[0] * i + map[3]),
                        (float)(map[5] * j + map[7]),
                        (float)(map[10] * k + map[11]),
                        0
                    );
                    var value = Interpolation.Linear4(
                        ref source,
                        from.Shape.I,
                        from.Shape.I * from.Shape.J,
                        last,
                        at
                    );
                    (scale * value).StoreUnsafe(ref target, n);
                }
            }
        }
    }

    /// <summary>Least Jacobian determinant of x + displacement(x) over the mask, by central differences: at or below 0 the map folds.</summary>
    public static double LeastJacobian(
        float[] displacement,
        (int I, int J, int K) shape,
        byte[] mask
    )
    {
        var least = double.PositiveInfinity;
        int stepJ = 4 * shape.I,
            stepK = stepJ * shape.J;
        for (var k = 1; k < shape.K - 1; k++)
        {
            for (var j = 1; j < shape.J - 1; j++)
            {
                for (var i = 1; i < shape.I - 1; i++)
                {
                    var n = i + shape.I * (j + shape.J * k);
                    if (mask[n] != 0)
                    {
                        least = Math.Min(least, Jacobian(4 * n));
                    }
                }
            }
        }
        return double.IsFinite(least) ? least : 1;

        double Jacobian(int n)
        {
            double Slope(int component, int step) =>
                0.5 * (displacement[n + step + component] - displacement[n - step + component]);
            double a = 1 + Slope(0, 4),
                b = Slope(0, stepJ),
                c = Slope(0, stepK),
                d = Slope(1, 4),
                e = 1 + Slope(1, stepJ),
                f = Slope(1, stepK),
                g = Slope(2, 4),
                h = Slope(2, stepJ),
                i = 1 + Slope(2, stepK);
            return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
        }
    }

    /// <summary>Index of the last voxel along each axis, as <see cref="Interpolation.Linear4"/> takes it.</summary>
    public static Vector128<float> Last((int I, int J, int K) shape) =>
        Vector128.Create(shape.I - 1f, shape.J - 1f, shape.K - 1f, 0);

    /// <summary>Means of 2×2×2 voxels, in voxels of the coarse grid; the last voxel stands in for one beyond it.</summary>
    private static void Halve(
        float[] field,
        (int I, int J, int K) shape,
        float[] coarse,
        (int I, int J, int K) half
    )
    {
        ref var source = ref MemoryMarshal.GetArrayDataReference(field);
        ref var target = ref MemoryMarshal.GetArrayDataReference(coarse);
        var scale = Vector128.Create(1f / 16);
        nuint n = 0;
        for (var k = 0; k < half.K; k++)
        {
            var below = 2 * k * shape.J;
            var above = Math.Min(2 * k + 1, shape.K - 1) * shape.J;
            for (var j = 0; j < half.J; j++)
            {
                var (front, back) = (2 * j, Math.Min(2 * j + 1, shape.J - 1));
                var (a, b) = ((below + front) * shape.I, (below + back) * shape.I);
                var (c, d) = ((above + front) * shape.I, (above + back) * shape.I);
                for (var i = 0; i < half.I; i++, n += 4)
                {
                    var (left, right) = (2 * i, Math.Min(2 * i + 1, shape.I - 1));
                    var sum =
                        (At(ref source, a + left) + At(ref source, a + right))
                        + (At(ref source, b + left) + At(ref source, b + right))
                        + (At(ref source, c + left) + At(ref source, c + right))
                        + (At(ref source, d + left) + At(ref source, d + right));
                    (scale * sum).StoreUnsafe(ref target, n);
                }
            }
        }

        static Vector128<float> At(ref float field, int voxel) =>
            Vector128.LoadUnsafe(ref field, (nuint)(4 * voxel));
    }

    /// <summary>Linear interpolation of a coarse field, in voxels of the fine grid.</summary>
    private static void Double(
        float[] coarse,
        (int I, int J, int K) half,
        float[] scratch,
        float[] field,
        (int I, int J, int K) shape
    )
    {
        ref var line = ref MemoryMarshal.GetArrayDataReference(scratch);
        ref var target = ref MemoryMarshal.GetArrayDataReference(field);
        var row = 4 * half.I;
        Span<int> offsets = stackalloc int[4];
        // A fine voxel lies a quarter from the nearer coarse one; the factor 2 between the voxels is in the last.
        ReadOnlySpan<float> weights = [9f / 16, 3f / 16, 3f / 16, 1f / 16];
        var (near, far) = (Vector128.Create(1.5f), Vector128.Create(0.5f));
        nuint n = 0;
        for (var k = 0; k < shape.K; k++)
        {
            var (nearK, farK) = Neighbours(k, half.K);
            for (var j = 0; j < shape.J; j++)
            {
                var (nearJ, farJ) = Neighbours(j, half.J);
                offsets[0] = row * (nearJ + half.J * nearK);
                offsets[1] = row * (farJ + half.J * nearK);
                offsets[2] = row * (nearJ + half.J * farK);
                offsets[3] = row * (farJ + half.J * farK);
                FieldFilter.Combine(coarse, offsets, weights, scratch.AsSpan(0, row));
                for (var i = 0; i < shape.I; i++, n += 4)
                {
                    var (nearI, farI) = Neighbours(i, half.I);
                    (
                        near * Vector128.LoadUnsafe(ref line, (nuint)(4 * nearI))
                        + far * Vector128.LoadUnsafe(ref line, (nuint)(4 * farI))
                    ).StoreUnsafe(ref target, n);
                }
            }
        }

        static (int Near, int Far) Neighbours(int fine, int count)
        {
            var near = fine / 2;
            return (near, Math.Clamp(near + 2 * (fine & 1) - 1, 0, count - 1));
        }
    }

    /// <summary>to(x) = from(x) + from(x + from(x)).</summary>
    private static void Square(float[] from, float[] to, (int I, int J, int K) shape)
    {
        ref var source = ref MemoryMarshal.GetArrayDataReference(from);
        ref var target = ref MemoryMarshal.GetArrayDataReference(to);
        var last = Last(shape);
        var slice = shape.I * shape.J;
        nuint n = 0;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                var at = Vector128.Create(0f, j, k, 0);
                for (var i = 0; i < shape.I; i++, n += 4)
                {
                    var here = Vector128.LoadUnsafe(ref source, n);
                    var there = Interpolation.Linear4(ref source, shape.I, slice, last, at + here);
                    (here + there).StoreUnsafe(ref target, n);
                    at += Vector128.CreateScalar(1f);
                }
            }
        }
    }

    private static double Longest(float[] field, int length)
    {
        var longest = 0f;
        for (var n = 0; n < length; n += 4)
        {
            longest = Math.Max(
                longest,
                field[n] * field[n] + field[n + 1] * field[n + 1] + field[n + 2] * field[n + 2]
            );
        }
        return Math.Sqrt(longest);
    }
}
