using Platform.Imaging;

namespace Platform.Inference;

/// <summary>What a scanner's thick slice sees of thin ones: their mean, weighted by a Gaussian along the slice axis.</summary>
public static class SliceProfile
{
    /// <summary>Full width at half maximum of a Gaussian over its standard deviation: 2 √(2 ln 2).</summary>
    public const double DeviationsPerFwhm = 2.3548;

    /// <summary>
    /// How far thin slices are from what was acquired (data consistency): root mean square of thick slice − thin slices seen through the profile, over the standard
    /// deviation of the thick slices. 0 where they say the same; noise that was taken out counts too.
    /// </summary>
    /// <param name="thick">As acquired.</param>
    /// <param name="thin">On <see cref="SuperResolver.FineGeometry"/> of the former.</param>
    /// <param name="factor">Thin slices in each thick one.</param>
    /// <param name="fwhm">Full width at half maximum over the distance of thick slices.</param>
    public static double Deviation(Volume<float> thick, Volume<float> thin, int factor, double fwhm)
    {
        var (shape, axis) = (thick.Geometry.Shape, SliceAxis.Of(thick.Geometry));
        var (slices, stride) = axis switch
        {
            0 => (shape.I, 1),
            1 => (shape.J, shape.I),
            _ => (shape.K, shape.I * shape.J),
        };
        var weights = Weights(factor, fwhm);
        double sum = 0,
            squares = 0,
            error = 0;
        for (var n = 0; n < thick.Voxels.Length; n++)
        {
            // Before the slice axis, along it, and beyond it: only the middle part has other lengths.
            var (slice, beyond) = (n / stride % slices, n / (stride * slices));
            var line = n % stride + beyond * stride * slices * factor;
            double seen = 0,
                total = 0;
            for (var m = 0; m < weights.Length; m++)
            {
                var at = slice * factor + m - (weights.Length - factor) / 2;
                if ((uint)at < (uint)(slices * factor))
                {
                    seen += weights[m] * thin.Voxels[line + at * stride];
                    total += weights[m];
                }
            }
            var value = thick.Voxels[n];
            sum += value;
            squares += (double)value * value;
            error += (value - seen / total) * (value - seen / total);
        }
        var count = (double)thick.Voxels.Length;
        var variance = squares / count - sum / count * (sum / count);
        return variance > 0 ? Math.Sqrt(error / count / variance) : 0;
    }

    /// <summary>Weights of the thin slices of a thick one and of as many on each side, in their order.</summary>
    private static double[] Weights(int factor, double fwhm)
    {
        var deviation = fwhm * factor / DeviationsPerFwhm;
        var middle = (3 * factor - 1) / 2.0;
        return
        [
            .. Enumerable
                .Range(0, 3 * factor)
                .Select(m => Math.Exp(-Math.Pow((m - middle) / deviation, 2) / 2)),
        ];
    }
}
