using Platform.Imaging;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

namespace Platform.Training.Adaptation;

/// <summary>
/// A head and where its brain is, found by the same rule in every domain and without labels: were patches of the source taken around
/// structures and those of the target anywhere, the adversary would tell places apart, not scanners.
/// </summary>
/// <param name="Head">The head; its labels are zero where none are known.</param>
/// <param name="Centre">Voxel along i, j, k.</param>
public sealed record CentredHead(NormalisedHead Head, (int I, int J, int K) Centre)
{
    /// <summary>The brain's centre below the top of the head, mm.</summary>
    private const double CentreBelowTopMm = 80;

    /// <summary>Heights below the top of the head that show where its middle is, mm.</summary>
    private const double SeenBelowTopMm = 140;

    /// <summary>A plane belongs to the head where this share of it does.</summary>
    private const double LeastShare = 0.02;

    /// <summary>Normalises an image as inference does and finds its centre.</summary>
    /// <param name="image">RAS, on the network's grid.</param>
    /// <param name="labels">Target classes; null where they are unknown.</param>
    /// <param name="percentiles">Low and high, of the normalisation.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static CentredHead Of(
        Volume<float> image,
        byte[]? labels,
        IReadOnlyList<double> percentiles
    )
    {
        var (threshold, low, _, mean, deviation) = Normaliser.Measure(
            image.Voxels,
            percentiles[0],
            percentiles[1]
        );
        var voxels = Normaliser.Apply(image, percentiles[0], percentiles[1]).Voxels;
        var head = new NormalisedHead(
            image.Geometry.Shape,
            [(voxels, (low - mean) / deviation)],
            labels ?? new byte[voxels.Length]
        );
        return new(head, Middle(image, threshold));
    }

    /// <summary>A patch around the brain's centre, one in four anywhere in the head.</summary>
    /// <param name="size">Voxels along i, j, k.</param>
    /// <param name="shift">Largest distance of the patch's centre from the brain's, voxels.</param>
    /// <param name="draw">Source.</param>
    public Batch Cut(IReadOnlyList<int> size, int shift, FastRandom draw)
    {
        var (i, j, k) = Head.Shape;
        int[] at = draw.Chance(0.25)
            ? [draw.Next(i), draw.Next(j), draw.Next(k)]
            :
            [
                Centre.I + draw.Next(2 * shift + 1) - shift,
                Centre.J + draw.Next(2 * shift + 1) - shift,
                Centre.K + draw.Next(2 * shift + 1) - shift,
            ];
        return Around(at, size, mirrored: draw.Chance(0.5));
    }

    /// <summary>The patch around the brain's centre.</summary>
    /// <param name="size">Voxels along i, j, k.</param>
    public Batch Cut(IReadOnlyList<int> size) =>
        Around([Centre.I, Centre.J, Centre.K], size, mirrored: false);

    private Batch Around(int[] at, IReadOnlyList<int> size, bool mirrored)
    {
        int[] corner = [.. at.Select((centre, axis) => centre - size[axis] / 2)];
        var labels = new byte[size[0] * size[1] * size[2]];
        NormalisedHead.Copy(Head.Labels, Head.Shape, corner, [.. size], labels, (byte)0);
        var (input, target) = (
            Head.Input(corner, [.. size], [false]),
            tensor(labels, [1, size[2], size[1], size[0]])
        );
        return mirrored ? new(Flip(input), Flip(target)) : new(input, target);

        static Tensor Flip(Tensor tensor)
        {
            using (tensor)
            {
                return tensor.flip(-1);
            }
        }
    }

    private static (int I, int J, int K) Middle(Volume<float> image, float threshold)
    {
        var (si, sj, sk) = image.Geometry.Shape;
        var mm = image.Geometry.Spacing.K;
        var voxels = image.Voxels;
        var plane = si * sj;
        var top = sk - 1;
        while (top > 0 && Count(top) < LeastShare * plane)
        {
            top--;
        }
        double sumI = 0,
            sumJ = 0,
            count = 0;
        for (var k = Math.Max(0, top - (int)(SeenBelowTopMm / mm)); k <= top; k++)
        {
            for (var n = 0; n < plane; n++)
            {
                if (voxels[k * plane + n] > threshold)
                {
                    (sumI, sumJ, count) = (sumI + n % si, sumJ + n / si, count + 1);
                }
            }
        }
        return (
            (int)Math.Round(sumI / Math.Max(1, count)),
            (int)Math.Round(sumJ / Math.Max(1, count)),
            top - (int)Math.Round(CentreBelowTopMm / mm)
        );

        int Count(int k)
        {
            var count = 0;
            foreach (var value in voxels.AsSpan(k * plane, plane))
            {
                count += value > threshold ? 1 : 0;
            }
            return count;
        }
    }
}
