using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// Symmetric separable convolution of a field with interleaved components (i fastest, components innermost); the border voxel is repeated.
/// </summary>
internal static class FieldFilter
{
    /// <summary>Sampled Gaussian, cut at 2.5 σ, of unit sum; σ in voxels. [1] where σ is too small to matter.</summary>
    public static float[] Gaussian(double sigma)
    {
        var radius = sigma < 0.2 ? 0 : (int)Math.Ceiling(2.5 * sigma);
        var kernel = new float[2 * radius + 1];
        var sum = 0.0;
        for (var n = -radius; n <= radius; n++)
        {
            var weight = radius == 0 ? 1 : Math.Exp(-0.5 * n * n / (sigma * sigma));
            kernel[n + radius] = (float)weight;
            sum += weight;
        }
        for (var n = 0; n < kernel.Length; n++)
        {
            kernel[n] = (float)(kernel[n] / sum);
        }
        return kernel;
    }

    /// <summary>Convolves <paramref name="field"/> in place along i, j and k, one kernel of odd length an axis.</summary>
    /// <param name="field">Voxels × components.</param>
    /// <param name="scratch">At least as long as the field; overwritten.</param>
    /// <param name="shape">Voxels along i, j, k.</param>
    /// <param name="components">Floats a voxel.</param>
    /// <param name="kernelI">Along i.</param>
    /// <param name="kernelJ">Along j.</param>
    /// <param name="kernelK">Along k.</param>
    public static void Convolve(
        float[] field,
        float[] scratch,
        (int I, int J, int K) shape,
        int components,
        float[] kernelI,
        float[] kernelJ,
        float[] kernelK
    )
    {
        var row = shape.I * components;
        AlongRows(field, scratch, row, shape.J * shape.K, components, kernelI);
        var slice = row * shape.J;
        Span<int> offsets = stackalloc int[Math.Max(kernelJ.Length, kernelK.Length)];
        var radius = kernelJ.Length / 2;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var t = 0; t < kernelJ.Length; t++)
                {
                    offsets[t] = k * slice + Math.Clamp(j + t - radius, 0, shape.J - 1) * row;
                }
                Combine(field, offsets, kernelJ, scratch.AsSpan(k * slice + j * row, row));
            }
        }
        radius = kernelK.Length / 2;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var t = 0; t < kernelK.Length; t++)
                {
                    offsets[t] = Math.Clamp(k + t - radius, 0, shape.K - 1) * slice + j * row;
                }
                Combine(scratch, offsets, kernelK, field.AsSpan(k * slice + j * row, row));
            }
        }
    }

    private static void AlongRows(
        float[] field,
        float[] scratch,
        int row,
        int rows,
        int components,
        float[] kernel
    )
    {
        var radius = kernel.Length / 2;
        if (radius == 0)
        {
            return;
        }
        var pad = radius * components;
        var padded = scratch.Length >= row + 2 * pad ? scratch : new float[row + 2 * pad];
        Span<int> offsets = stackalloc int[kernel.Length];
        for (var t = 0; t < kernel.Length; t++)
        {
            offsets[t] = t * components;
        }
        for (var n = 0; n < rows; n++)
        {
            var line = field.AsSpan(n * row, row);
            line.CopyTo(padded.AsSpan(pad));
            for (var t = 0; t < radius; t++)
            {
                line[..components].CopyTo(padded.AsSpan(t * components));
                line[^components..].CopyTo(padded.AsSpan(pad + row + t * components));
            }
            Combine(padded, offsets, kernel, line);
        }
    }

    /// <summary>output[n] = Σ kernel[t] · source[offsets[t] + n].</summary>
    public static void Combine(
        ReadOnlySpan<float> source,
        ReadOnlySpan<int> offsets,
        ReadOnlySpan<float> kernel,
        Span<float> output
    )
    {
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(output);
        var n = 0;
        // Four sums at a time: one alone would wait for the last multiplication.
        for (; n <= output.Length - 32; n += 32)
        {
            var (a, b) = (Vector256<float>.Zero, Vector256<float>.Zero);
            var (c, d) = (Vector256<float>.Zero, Vector256<float>.Zero);
            for (var t = 0; t < kernel.Length; t++)
            {
                var weight = Vector256.Create(kernel[t]);
                ref var line = ref Unsafe.Add(ref from, offsets[t] + n);
                a = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref line), a);
                b = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref line, 8), b);
                c = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref line, 16), c);
                d = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref line, 24), d);
            }
            a.StoreUnsafe(ref Unsafe.Add(ref to, n));
            b.StoreUnsafe(ref Unsafe.Add(ref to, n), 8);
            c.StoreUnsafe(ref Unsafe.Add(ref to, n), 16);
            d.StoreUnsafe(ref Unsafe.Add(ref to, n), 24);
        }
        for (; n <= output.Length - 8; n += 8)
        {
            var sum = Vector256<float>.Zero;
            for (var t = 0; t < kernel.Length; t++)
            {
                var values = Vector256.LoadUnsafe(ref Unsafe.Add(ref from, offsets[t] + n));
                sum = Vector256.MultiplyAddEstimate(Vector256.Create(kernel[t]), values, sum);
            }
            sum.StoreUnsafe(ref Unsafe.Add(ref to, n));
        }
        for (; n < output.Length; n++)
        {
            var sum = 0f;
            for (var t = 0; t < kernel.Length; t++)
            {
                sum += kernel[t] * source[offsets[t] + n];
            }
            output[n] = sum;
        }
    }
}
