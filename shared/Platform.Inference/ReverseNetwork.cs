using System.Security.Cryptography;
using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// A small network over-fitted to one image and its labels (the constrained CNN of Valindria 2017), that labels other images. Training makes it,
/// qc runs it; what it sees and what its channels mean is stated here for both.
/// </summary>
public sealed class ReverseNetwork : IDisposable
{
    /// <summary>Input channels: normalised intensity, and the place along i, j and k within the body.</summary>
    public const int Channels = 4;

    /// <summary>The network takes axes that are multiples of this.</summary>
    public const int Multiple = 4;

    private readonly OnnxModel _network;
    private readonly byte[] _classes;

    /// <summary>Loads a network.</summary>
    /// <param name="onnx">As training exported it.</param>
    /// <param name="classes">What its channels mean: <see cref="Classes"/> of the labels it was fitted to.</param>
    /// <param name="threads">CPU threads of a run; 0: one a core.</param>
    /// <exception cref="ModelPackageException">It cannot be loaded, or has other channels.</exception>
    public ReverseNetwork(byte[] onnx, byte[] classes, int threads = 0)
    {
        _classes = classes;
        _network = new(
            new ModelPackage(Manifest(onnx, classes.Length), onnx),
            new() { Device = ComputeDevice.Cpu, Threads = threads }
        );
    }

    /// <summary>The label value of each channel: background, then every value of the labels, ascending.</summary>
    /// <param name="labels">The labels as they were predicted, on their own grid.</param>
    public static byte[] Classes(Volume<byte> labels) =>
        [0, .. LabelMeasures.Millilitres(labels).Keys.Order()];

    /// <summary>Intensity of a level in deviations from the foreground's mean.</summary>
    public static float Intensity(float level) =>
        (level - ContextImage.MeanLevel) / ContextImage.LevelsPerDeviation;

    /// <summary>Place of an index along an axis: −1 where the body begins, 1 where it ends.</summary>
    public static float Place(float index, (int First, int Size) edge) =>
        Math.Clamp(2 * (index - edge.First + 0.5f) / edge.Size - 1, -1.5f, 1.5f);

    /// <summary>What the network sees of an image: padded with air to the multiple it takes, its channels one after the other.</summary>
    /// <param name="image">Any image in RAS at the references' spacing.</param>
    /// <returns>Values, i fastest, and their shape 1×channels×K×J×I.</returns>
    public static (float[] Values, long[] Shape) Input(ContextImage image)
    {
        var shape = image.Levels.Geometry.Shape;
        var (sizeI, sizeJ, sizeK) = (Padded(shape.I), Padded(shape.J), Padded(shape.K));
        var voxels = sizeI * sizeJ * sizeK;
        var input = new float[Channels * voxels];
        var n = 0;
        for (var k = 0; k < sizeK; k++)
        {
            for (var j = 0; j < sizeJ; j++)
            {
                for (var i = 0; i < sizeI; i++, n++)
                {
                    var inside = i < shape.I && j < shape.J && k < shape.K;
                    input[n] = Intensity(inside ? image.Levels[i, j, k] : image.Air);
                    input[voxels + n] = Place(i, image.Frame[0]);
                    input[2 * voxels + n] = Place(j, image.Frame[1]);
                    input[3 * voxels + n] = Place(k, image.Frame[2]);
                }
            }
        }
        return (input, [1, Channels, sizeK, sizeJ, sizeI]);
    }

    /// <summary>Labels an image: at each voxel the class with the largest score.</summary>
    /// <param name="image">Any image in RAS at the references' spacing.</param>
    /// <param name="cancellationToken">Stops within one operator.</param>
    public Volume<byte> Label(ContextImage image, CancellationToken cancellationToken)
    {
        var labels = new Volume<byte>(image.Levels.Geometry);
        var (sizeI, sizeJ, sizeK) = labels.Geometry.Shape;
        var (input, shape) = Input(image);
        _network.Run(
            input,
            shape,
            (scores, given) =>
            {
                var (rows, width) = ((int)given[3], (int)given[4]);
                for (var k = 0; k < sizeK; k++)
                {
                    for (var j = 0; j < sizeJ; j++)
                    {
                        for (var i = 0; i < sizeI; i++)
                        {
                            var voxel = (k * rows + j) * width + i;
                            labels[i, j, k] = _classes[
                                Largest(scores, voxel, scores.Length / _classes.Length)
                            ];
                        }
                    }
                }
            },
            cancellationToken
        );
        return labels;
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    private int Largest(ReadOnlySpan<float> scores, int voxel, int voxels)
    {
        var best = 0;
        for (var channel = 1; channel < _classes.Length; channel++)
        {
            if (scores[channel * voxels + voxel] > scores[best * voxels + voxel])
            {
                best = channel;
            }
        }
        return best;
    }

    private static int Padded(int size) => (size + Multiple - 1) / Multiple * Multiple;

    private static ModelManifest Manifest(byte[] onnx, int classes) =>
        new()
        {
            Name = ReverseClassifiers.ConstrainedCnn,
            Version = "1.0.0",
            Task = ModelTask.Segmentation,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
            Input = new()
            {
                Channels = ["intensity", "i", "j", "k"],
                Normalisation = new() { LowPercentile = 1, HighPercentile = 99 },
            },
            Tiling = new()
            {
                MaxTile = [Multiple, Multiple, Multiple],
                Multiple = Multiple,
                Halo = 0,
            },
            Labels =
            [
                .. Enumerable
                    .Range(1, classes - 1)
                    .Select(channel => new ModelLabel
                    {
                        Channel = channel,
                        Value = channel,
                        Name = "",
                    }),
            ],
            Routing = new(),
            IntendedUse = "Judges one segmentation.",
        };
}
