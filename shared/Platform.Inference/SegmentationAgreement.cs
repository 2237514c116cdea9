using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// How far a segmentation depends on what should not matter: the network runs again on the image altered, and the pairwise Dice of all its answers
/// is the agreement. The pairwise Dice of an ensemble is the simplest predictor of quality that holds for lesions too (Zenk et al. 2025);
/// one network on altered images stands in for the ensemble (test-time augmentation: Wang et al. 2019).
/// </summary>
public static class SegmentationAgreement
{
    /// <summary>Left and right exchanged: for networks that learnt from mirrored images.</summary>
    public const string Mirrored = "mirrored";

    /// <summary>Normalised intensities a quarter further from their mean.</summary>
    public const string Contrast = "contrast";

    /// <summary>Noise of a fifth of the foreground's deviation, the same every time.</summary>
    public const string Noise = "noise";

    private const float ContrastFactor = 1.25f;
    private const double NoiseDeviation = 0.2;

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> Alterations { get; } = [Mirrored, Contrast, Noise];

    /// <summary>The image altered; the box of its foreground with it.</summary>
    internal static PreparedImage Alter(PreparedImage prepared, string alteration)
    {
        switch (alteration)
        {
            case Mirrored:
                var (box, sizeI) = (prepared.Box, prepared.Image.Geometry.Shape.I);
                return prepared.With(
                    voxels => Mirror(voxels, sizeI),
                    box with
                    {
                        I = sizeI - box.I - box.Size.I,
                    }
                );
            case Contrast:
                return prepared.With(
                    voxels => [.. voxels.Select(v => ContrastFactor * v)],
                    prepared.Box
                );
            default:
                // Box and Muller, from one seed: the same image gives the same agreement every time.
                var random = new Random(1);
                return prepared.With(
                    voxels =>
                        [
                            .. voxels.Select(v =>
                                (float)(
                                    v
                                    + NoiseDeviation
                                        * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
                                        * Math.Cos(2 * Math.PI * random.NextDouble())
                                )
                            ),
                        ],
                    prepared.Box
                );
        }
    }

    /// <summary>Classes of the altered image → classes of the image.</summary>
    internal static Volume<byte> Undo(Volume<byte> classes, string alteration) =>
        alteration == Mirrored
            ? new(classes.Geometry, Mirror(classes.Voxels, classes.Geometry.Shape.I))
            : classes;

    /// <summary>
    /// Mean pairwise Dice of each label's channel; two maps that both lack it agree. The sides of a structure share its channel, hence its agreement.
    /// </summary>
    internal static IReadOnlyDictionary<int, double> Of(
        IReadOnlyList<ModelLabel> labels,
        Volume<byte> first,
        IEnumerable<Volume<byte>> others
    )
    {
        Volume<byte>[] maps = [first, .. others];
        var (sum, pairs) = (new double[256], 0);
        for (var a = 0; a < maps.Length; a++)
        {
            for (var b = a + 1; b < maps.Length; b++, pairs++)
            {
                // The box of a mirrored image is the mirrored box: both maps have the same shape.
                var overlaps = LabelMeasures
                    .Overlaps(maps[a], maps[b])
                    .ToDictionary(overlap => (int)overlap.Label, overlap => overlap.Dice);
                for (var channel = 0; channel < 256; channel++)
                {
                    sum[channel] += overlaps.GetValueOrDefault(channel, 1);
                }
            }
        }
        return labels.ToDictionary(label => label.Value, label => sum[label.Channel] / pairs);
    }

    private static T[] Mirror<T>(T[] voxels, int sizeI)
    {
        T[] mirrored = [.. voxels];
        for (var row = 0; row < voxels.Length; row += sizeI)
        {
            mirrored.AsSpan(row, sizeI).Reverse();
        }
        return mirrored;
    }
}
