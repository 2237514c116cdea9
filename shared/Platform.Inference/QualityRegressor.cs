using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// Image and labels → the Dice each structure would have with an expert's, by a network that learnt it (direct regression: Robinson et al.,
/// MICCAI 2018). One run of a small network: no references are needed, and nothing says when the image is unlike what it learnt from.
/// </summary>
/// <param name="model">A network whose task is quality regression: channels intensity and label value, N×labels×1×1×1 of Dice.</param>
public sealed class QualityRegressor(OnnxModel model)
{
    /// <summary>Millimetres around the labels that the network sees.</summary>
    private const double MarginMm = 16;

    /// <summary>Predicts the Dice of every structure that the labels show and the network knows; of others it says nothing.</summary>
    /// <param name="image">Any grid and orientation, any units.</param>
    /// <param name="labels">On any grid in the image's world.</param>
    /// <param name="cancellationToken">Stops the network.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public IReadOnlyDictionary<byte, double> Predict(
        Volume<float> image,
        Volume<byte> labels,
        CancellationToken cancellationToken = default
    )
    {
        var manifest = model.Manifest;
        var prepared = PreparedImage.Make(image, manifest.Input);
        var placed = Resampler.Nearest(labels, prepared.Image.Geometry);
        var present = LabelMeasures.Count(placed);
        if (Bounds(placed) is not { } bounds)
        {
            return new Dictionary<byte, double>();
        }
        var (spacing, multiple) = (placed.Geometry.Spacing, manifest.Tiling.Multiple);
        var shape = (
            I: Rounded(bounds.Size.I, spacing.I, 0),
            J: Rounded(bounds.Size.J, spacing.J, 1),
            K: Rounded(bounds.Size.K, spacing.K, 2)
        );
        var input = Input(prepared.Image, placed, shape, prepared.Background);
        var dice = new Dictionary<byte, double>();
        model.Run(
            input,
            [1, 2, shape.K, shape.J, shape.I],
            (values, _) =>
            {
                foreach (var label in manifest.Labels.Where(label => present[label.Value] > 0))
                {
                    dice[(byte)label.Value] = values[label.Channel - 1];
                }
            },
            cancellationToken
        );
        return dice;

        // Never more than the largest tile: what lies beyond is not looked at.
        int Rounded(int size, double mm, int axis)
        {
            var wanted = size + 2 * (int)Math.Ceiling(MarginMm / mm);
            var largest = manifest.Tiling.MaxTile[axis] / multiple * multiple;
            return Math.Min(largest, (wanted + multiple - 1) / multiple * multiple);
        }
    }

    /// <summary>What the network takes: a box around the middle of the labels, of the intensities and then of the label values.</summary>
    /// <param name="image">Normalised, on the network's grid.</param>
    /// <param name="labels">On the same grid.</param>
    /// <param name="shape">The box's voxels along i, j, k.</param>
    /// <param name="outside">The intensity beyond the image; the label there is 0.</param>
    public static float[] Input(
        Volume<float> image,
        Volume<byte> labels,
        (int I, int J, int K) shape,
        float outside
    )
    {
        var size = image.Geometry.Shape;
        var bounds = Bounds(labels) ?? new Box(0, 0, 0, size);
        var (i0, j0, k0) = (
            bounds.I + (bounds.Size.I - shape.I) / 2,
            bounds.J + (bounds.Size.J - shape.J) / 2,
            bounds.K + (bounds.Size.K - shape.K) / 2
        );
        var voxels = shape.I * shape.J * shape.K;
        var input = new float[2 * voxels];
        input.AsSpan(0, voxels).Fill(outside);
        var (first, last) = (Math.Max(0, -i0), Math.Min(shape.I, size.I - i0));
        for (var k = Math.Max(0, -k0); k < Math.Min(shape.K, size.K - k0); k++)
        {
            for (var j = Math.Max(0, -j0); j < Math.Min(shape.J, size.J - j0); j++)
            {
                var from = i0 + size.I * (j0 + j + size.J * (k0 + k));
                var to = shape.I * (j + shape.J * k);
                for (var i = first; i < last; i++)
                {
                    input[to + i] = image.Voxels[from + i];
                    input[voxels + to + i] = labels.Voxels[from + i];
                }
            }
        }
        return input;
    }

    /// <summary>The smallest box that holds every label, or null where there is none.</summary>
    private static Box? Bounds(Volume<byte> labels)
    {
        var (sizeI, sizeJ, sizeK) = labels.Geometry.Shape;
        int[] low = [sizeI, sizeJ, sizeK],
            high = [-1, -1, -1];
        for (var k = 0; k < sizeK; k++)
        {
            for (var j = 0; j < sizeJ; j++)
            {
                var row = labels.Voxels.AsSpan((k * sizeJ + j) * sizeI, sizeI);
                var first = row.IndexOfAnyExcept((byte)0);
                if (first >= 0)
                {
                    (low[0], high[0]) = (
                        Math.Min(low[0], first),
                        Math.Max(high[0], row.LastIndexOfAnyExcept((byte)0))
                    );
                    (low[1], high[1]) = (Math.Min(low[1], j), Math.Max(high[1], j));
                    (low[2], high[2]) = (Math.Min(low[2], k), k);
                }
            }
        }
        return high[0] < 0
            ? null
            : new Box(
                low[0],
                low[1],
                low[2],
                (high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1)
            );
    }
}
