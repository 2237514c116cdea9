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
        // The two corners along i lie side by side: both are loaded, and brought together along j and k, at once.
        var fy = Vector256.Create(f.GetElement(1));
        var low = Along(ref v, 4 * row, fy);
        var both = Vector256.MultiplyAddEstimate(
            Vector256.Create(f.GetElement(2)),
            Along(ref w, 4 * row, fy) - low,
            low
        );
        var (first, second) = (both.GetLower(), both.GetUpper());
        return Vector128.MultiplyAddEstimate(
            Vector128.Create(f.GetElement(0)),
            second - first,
            first
        );
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

    /// <summary>Two neighbours along i, between a row and the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Along(ref float v, int row, Vector256<float> fraction)
    {
        var here = Vector256.LoadUnsafe(ref v);
        var next = Vector256.LoadUnsafe(ref Unsafe.Add(ref v, row));
        return Vector256.MultiplyAddEstimate(fraction, next - here, here);
    }
}
