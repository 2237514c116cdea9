using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>How near interpolation and network come to the truth.</summary>
/// <param name="SplinePsnr">Peak signal-to-noise ratio of the cubic B-spline, dB.</param>
/// <param name="NetworkPsnr">Peak signal-to-noise ratio of the network, dB.</param>
/// <param name="SplineSsim">Structural similarity of the cubic B-spline.</param>
/// <param name="NetworkSsim">Structural similarity of the network.</param>
public sealed record Fidelity(
    double SplinePsnr,
    double NetworkPsnr,
    double SplineSsim,
    double NetworkSsim
)
{
    /// <summary>Of two attempts at thin slices, in the part that counts.</summary>
    public static Fidelity Of(ThinSlices truth, float[] spline, float[] network)
    {
        var (real, first, second) = (
            truth.Part(truth.Image.Voxels),
            truth.Part(spline),
            truth.Part(network)
        );
        return new(
            Psnr(real, first),
            Psnr(real, second),
            Ssim(real, first, truth.Size),
            Ssim(real, second, truth.Size)
        );
    }

    /// <summary>PSNR in dB; the peak is the truth's range.</summary>
    public static double Psnr(float[] truth, float[] image)
    {
        var error = 0.0;
        for (var n = 0; n < truth.Length; n++)
        {
            error += Math.Pow(truth[n] - image[n], 2);
        }
        return 10 * Math.Log10(Math.Pow(truth.Max() - truth.Min(), 2) * truth.Length / error);
    }

    /// <summary>Mean structural similarity (Wang et al. 2004) with a Gaussian window of 1.5 voxels in 3D, K₁ = 0.01, K₂ = 0.03.</summary>
    public static double Ssim(float[] truth, float[] image, (int I, int J, int K) shape)
    {
        var range = truth.Max() - truth.Min();
        var (c1, c2) = (Math.Pow(0.01 * range, 2), Math.Pow(0.03 * range, 2));
        var (a, b) = (Smooth(truth, truth, false), Smooth(image, image, false));
        var (aa, bb, ab) = (
            Smooth(truth, truth, true),
            Smooth(image, image, true),
            Smooth(truth, image, true)
        );
        var sum = 0.0;
        for (var n = 0; n < truth.Length; n++)
        {
            double meanA = a[n],
                meanB = b[n];
            var (varA, varB, both) = (
                aa[n] - meanA * meanA,
                bb[n] - meanB * meanB,
                ab[n] - meanA * meanB
            );
            sum +=
                (2 * meanA * meanB + c1)
                * (2 * both + c2)
                / ((meanA * meanA + meanB * meanB + c1) * (varA + varB + c2));
        }
        return sum / truth.Length;

        float[] Smooth(float[] x, float[] y, bool product)
        {
            var result = product ? [.. x.Zip(y, (p, q) => p * q)] : x;
            for (var axis = 0; axis < 3; axis++)
            {
                result = Filters.Gaussian(result, shape, axis, 1.5);
            }
            return result;
        }
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"PSNR {NetworkPsnr:f2} dB (spline {SplinePsnr:f2}), SSIM {NetworkSsim:f4} (spline {SplineSsim:f4})";
}
