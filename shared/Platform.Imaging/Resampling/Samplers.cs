using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging;

/// <summary>A value of a grid at a point inside its field of view, in voxels. Structs, so that loops over them are compiled for each.</summary>
internal interface ISampler<T>
{
    T At(double i, double j, double k);
}

/// <summary>Trilinear; edge voxels repeated.</summary>
internal readonly struct LinearSampler(ReadOnlyMemory<float> voxels, (int I, int J, int K) shape)
    : ISampler<float>
{
    private readonly ArraySegment<float> _voxels = MemoryMarshal.TryGetArray(voxels, out var array)
        ? array
        : voxels.ToArray();

    public float At(double i, double j, double k)
    {
        var (strideJ, strideK) = (shape.I, shape.I * shape.J);
        var (i0, fi, di) = Split(i, shape.I, 1);
        var (j0, fj, dj) = Split(j, shape.J, strideJ);
        var (k0, fk, dk) = Split(k, shape.K, strideK);
        var v = _voxels.AsSpan(i0 + j0 * strideJ + k0 * strideK);
        var c00 = Lerp(v[0], v[di], fi);
        var c10 = Lerp(v[dj], v[dj + di], fi);
        var c01 = Lerp(v[dk], v[dk + di], fi);
        var c11 = Lerp(v[dj + dk], v[dj + dk + di], fi);
        return Lerp(Lerp(c00, c10, fj), Lerp(c01, c11, fj), fk);
    }

    private static (int Index, float Fraction, int Step) Split(double x, int count, int stride)
    {
        x = Math.Clamp(x, 0, count - 1);
        var index = Math.Min((int)x, Math.Max(count - 2, 0));
        return (index, (float)(x - index), count > 1 ? stride : 0);
    }

    private static float Lerp(float a, float b, float t) => a + (b - a) * t;
}

/// <summary>Cubic B-spline on prefiltered coefficients, mirrored at the centres of the edge voxels.</summary>
internal readonly struct CubicSampler(float[] coefficients, (int I, int J, int K) shape)
    : ISampler<float>
{
    public float At(double i, double j, double k)
    {
        var (i0, j0, k0) = ((int)Math.Floor(i), (int)Math.Floor(j), (int)Math.Floor(k));
        var wi = Weights((float)(i - i0));
        var wj = Weights((float)(j - j0));
        var wk = Weights((float)(k - k0));
        return
            i0 >= 1
            && i0 < shape.I - 2
            && j0 >= 1
            && j0 < shape.J - 2
            && k0 >= 1
            && k0 < shape.K - 2
            ? Interior(i0, j0, k0, wi, wj, wk)
            : Mirrored(i0, j0, k0, wi, wj, wk);
    }

    private float Interior(
        int i,
        int j,
        int k,
        Vector128<float> wi,
        Vector128<float> wj,
        Vector128<float> wk
    )
    {
        var (strideJ, strideK) = (shape.I, shape.I * shape.J);
        ReadOnlySpan<float> block = coefficients.AsSpan(
            i - 1 + strideJ * (j - 1) + strideK * (k - 1),
            3 * strideK + 3 * strideJ + 4
        );
        var sum = Vector128<float>.Zero;
        for (var c = 0; c < 4; c++)
        {
            var plane = block[(c * strideK)..];
            var lines =
                Vector128.Create(plane) * wj[0]
                + Vector128.Create(plane[strideJ..]) * wj[1]
                + Vector128.Create(plane[(2 * strideJ)..]) * wj[2]
                + Vector128.Create(plane[(3 * strideJ)..]) * wj[3];
            sum += lines * wk[c];
        }
        return Vector128.Dot(sum, wi);
    }

    /// <summary>The same near the edges: the scalar oracle of <see cref="Interior"/>.</summary>
    private float Mirrored(
        int i,
        int j,
        int k,
        Vector128<float> wi,
        Vector128<float> wj,
        Vector128<float> wk
    )
    {
        var sum = 0f;
        for (var c = 0; c < 4; c++)
        {
            var z = AxisWeights.Fold(k - 1 + c, shape.K, Border.Mirror);
            for (var b = 0; b < 4; b++)
            {
                var y = AxisWeights.Fold(j - 1 + b, shape.J, Border.Mirror);
                var line = 0f;
                for (var a = 0; a < 4; a++)
                {
                    var x = AxisWeights.Fold(i - 1 + a, shape.I, Border.Mirror);
                    line += coefficients[x + shape.I * (y + shape.J * z)] * wi[a];
                }
                sum += line * wj[b] * wk[c];
            }
        }
        return sum;
    }

    private static Vector128<float> Weights(float t)
    {
        var u = 1 - t;
        return Vector128.Create(
                u * u * u,
                4 - 6 * t * t + 3 * t * t * t,
                4 - 6 * u * u + 3 * u * u * u,
                t * t * t
            ) * (1f / 6);
    }
}

/// <summary>The nearest voxel; halves go up.</summary>
internal readonly struct NearestSampler<T>(T[] voxels, (int I, int J, int K) shape) : ISampler<T>
{
    public T At(double i, double j, double k) =>
        voxels[
            ObliqueSampler.Round(i, shape.I)
                + shape.I
                    * (
                        ObliqueSampler.Round(j, shape.J)
                        + shape.J * ObliqueSampler.Round(k, shape.K)
                    )
        ];
}
