using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>Trilinear sampling at index positions; every axis has at least two voxels.</summary>
internal static class Interpolation
{
    /// <summary>Samples an image. False, and 0, outside the outermost voxel centres.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryLinear(
        float[] voxels,
        (int I, int J, int K) shape,
        float x,
        float y,
        float z,
        out float value
    )
    {
        if (
            !(
                x >= 0
                && x <= shape.I - 1
                && y >= 0
                && y <= shape.J - 1
                && z >= 0
                && z <= shape.K - 1
            )
        )
        {
            value = 0;
            return false;
        }
        int i = Math.Min((int)x, shape.I - 2),
            j = Math.Min((int)y, shape.J - 2),
            k = Math.Min((int)z, shape.K - 2);
        float fx = x - i,
            fy = y - j,
            fz = z - k;
        var slice = shape.I * shape.J;
        ref var v = ref Unsafe.Add(
            ref MemoryMarshal.GetArrayDataReference(voxels),
            i + shape.I * j + slice * k
        );
        ref var w = ref Unsafe.Add(ref v, slice);
        var low = Bilinear(ref v, shape.I, fx, fy);
        value = low + fz * (Bilinear(ref w, shape.I, fx, fy) - low);
        return true;
    }

    /// <summary>Samples a field of four floats a voxel; positions outside take the border's value.</summary>
    /// <param name="field">Four floats a voxel.</param>
    /// <param name="row">Voxels along i.</param>
    /// <param name="slice">Voxels in a slice of constant k.</param>
    /// <param name="last">Index of the last voxel along i, j, k; fourth lane 0.</param>
    /// <param name="position">Index position along i, j, k; fourth lane ignored.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Linear4(
        ref float field,
        int row,
        int slice,
        Vector128<float> last,
        Vector128<float> position
    )
    {
        position = Vector128.Min(Vector128.Max(position, Vector128<float>.Zero), last);
        // One before the last voxel at most, so that the far corner exists.
        var corner = Vector128.Min(Vector128.Floor(position), last - Vector128<float>.One);
        var f = position - corner;
        var index = Vector128.ConvertToInt32(corner);
        ref var v = ref Unsafe.Add(
            ref field,
            4 * (index.GetElement(0) + row * index.GetElement(1) + slice * index.GetElement(2))
        );
        ref var w = ref Unsafe.Add(ref v, 4 * slice);
        var fx = Vector128.Create(f.GetElement(0));
        var fy = Vector128.Create(f.GetElement(1));
        var fz = Vector128.Create(f.GetElement(2));
        var a = Bilinear4(ref v, 4 * row, fx, fy);
        return Lerp(a, Bilinear4(ref w, 4 * row, fx, fy), fz);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Bilinear(ref float v, int row, float fx, float fy)
    {
        float a = v,
            b = Unsafe.Add(ref v, 1),
            c = Unsafe.Add(ref v, row),
            d = Unsafe.Add(ref v, row + 1);
        a += fx * (b - a);
        c += fx * (d - c);
        return a + fy * (c - a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Bilinear4(
        ref float v,
        int row,
        Vector128<float> fx,
        Vector128<float> fy
    )
    {
        var a = Lerp(Vector128.LoadUnsafe(ref v), Vector128.LoadUnsafe(ref v, 4), fx);
        ref var u = ref Unsafe.Add(ref v, row);
        var b = Lerp(Vector128.LoadUnsafe(ref u), Vector128.LoadUnsafe(ref u, 4), fx);
        return Lerp(a, b, fy);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Lerp(
        Vector128<float> a,
        Vector128<float> b,
        Vector128<float> f
    ) => Vector128.MultiplyAddEstimate(f, b - a, a);
}
