using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Networks;
using Platform.Training.Onnx;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>Segmentation of brain structures: patches of synthetic heads, weighted cross-entropy plus soft Dice.</summary>
public sealed class StructureTask : ITrainingTask
{
    /// <summary>Training heads in which the classes are counted.</summary>
    private const int PriorHeads = 16;

    /// <summary>
    /// How much of a class's rarity is put back. Cross-entropy weighed by the root of the size takes half of it away and soft Dice has its own pull;
    /// on held-out synthetic heads a quarter is best (mean Dice 0.749 at 0, 0.758 at 0.2, 0.757 at 0.33, 0.747 at 0.5).
    /// </summary>
    private const float PriorShare = 0.25f;

    private readonly Recipe _recipe;
    private readonly ISampleSource _source;
    private readonly Lazy<SyntheticHead[]> _probes;
    private readonly Lazy<float[]> _prior;

    /// <param name="recipe">What to train.</param>
    /// <param name="atlas">Label maps; those held out are not drawn from.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    public StructureTask(Recipe recipe, LabelAtlas atlas, Device? device = null)
        : this(recipe, new HeadSource(recipe, atlas), device) { }

    /// <param name="recipe">What to train.</param>
    /// <param name="source">Synthetic images with their labels.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    public StructureTask(Recipe recipe, ISampleSource source, Device? device = null)
    {
        (_recipe, _source) = (recipe, source);
        random.manual_seed(recipe.Seed);
        Network = new StructureNet(
            recipe.Network.Widths,
            recipe.Network.OutputWidth,
            recipe.Structures.Count + 1,
            flatLevels: recipe.Network.FlatLevels
        );
        Device = device ?? CPU;
        Network.to(Device);
        _probes = new(() => [.. HeldOut(1, t1Fraction: 1)]);
        _prior = new(Prior);
    }

    /// <summary>Begins with the weights of a package instead of random ones. What <see cref="Finish"/> adds is taken off: the package has it already.</summary>
    /// <exception cref="InvalidDataException">The package's network is another.</exception>
    public StructureTask StartFrom(ModelPackage package)
    {
        Network.Take(PackageWeights.Read(package.Onnx));
        Network.Shift([.. _prior.Value.Select(share => -share)]);
        return this;
    }

    /// <inheritdoc/>
    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>The network being trained.</summary>
    public StructureNet Network { get; }

    /// <summary>Target class of every label value the structures merge.</summary>
    public static Dictionary<int, byte> ClassOf(IReadOnlyList<Structure> structures) =>
        structures
            .SelectMany(
                (s, n) => s.Labels.Concat(s.RightLabels).Select(label => (label, (byte)(n + 1)))
            )
            .ToDictionary(pair => pair.label, pair => pair.Item2);

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        var sample = _source.Draw(draw);
        var image = Normalise(sample);
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            yield return Cut(sample, image, draw);
        }
    }

    /// <summary>The image that the patches of sample <paramref name="index"/> are cut from.</summary>
    public SyntheticHead Sample(long index) => _source.Draw(new(_recipe.Seed, index));

    /// <summary>Synthetic heads of the held-out maps, from a stream no training sample uses.</summary>
    /// <param name="headsPerMap">How many.</param>
    /// <param name="t1Fraction">Share of them with T1-like contrast; the others have any contrast at all.</param>
    public IEnumerable<SyntheticHead> HeldOut(int headsPerMap, double t1Fraction)
    {
        for (var n = 0; n < _source.HeldOutMaps * headsPerMap; n++)
        {
            yield return _source.HeldOut(
                n % _source.HeldOutMaps,
                new FastRandom(_recipe.Seed + 1_000_003, n),
                t1Fraction
            );
        }
    }

    /// <summary>Mean Dice of each structure over the held-out heads of the recipe; NaN for a structure in none of them.</summary>
    /// <param name="t1Fraction">As <see cref="HeldOut"/> takes it.</param>
    public double[] HeldOutDice(double t1Fraction)
    {
        var heads = HeldOut(_recipe.Optimisation.HeldOutHeads, t1Fraction).Select(Dice).ToList();
        return
        [
            .. _recipe.Structures.Select(
                (_, n) =>
                    heads
                        .Select(d => d[n])
                        .Where(double.IsFinite)
                        .DefaultIfEmpty(double.NaN)
                        .Average()
            ),
        ];
    }

    /// <inheritdoc/>
    public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

    /// <summary>
    /// The loss weighs a class by the root of its size in a patch, which teaches the network to expect small structures more often than they are.
    /// Part of their rarity is put back (logit adjustment, Menon et al. 2021).
    /// </summary>
    public void Finish() => Network.Shift(_prior.Value);

    /// <inheritdoc/>
    public string Probe() =>
        string.Join(
            "; ",
            _probes.Value.Select(sample =>
            {
                var dice = Dice(sample);
                return $"mean {dice.Where(double.IsFinite).Average():f3} ({string.Join(' ', dice.Select(d => d.ToString("f2")))})";
            })
        );

    /// <summary>Dice of each structure in one whole synthetic head; NaN where the head has none of it.</summary>
    public double[] Dice(SyntheticHead sample)
    {
        var labels = Segment(sample);
        var classes = _recipe.Structures.Count + 1;
        var (both, either) = (new long[classes], new long[classes]);
        for (var n = 0; n < labels.Length; n++)
        {
            either[labels[n]]++;
            either[sample.Labels[n]]++;
            both[labels[n]] += labels[n] == sample.Labels[n] ? 1 : 0;
        }
        return
        [
            .. Enumerable
                .Range(1, classes - 1)
                .Select(c => either[c] == 0 ? double.NaN : 2.0 * both[c] / either[c]),
        ];
    }

    private byte[] Segment(SyntheticHead sample)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var multiple = 1 << (_recipe.Network.Widths.Count - 1);
        var (i, j, k) = sample.Shape;
        var image = tensor(Normalise(sample), [1, 1, k, j, i], device: Device);
        var padded = nn.functional.pad(
            image,
            [0, Extra(i), 0, Extra(j), 0, Extra(k)],
            PaddingModes.Constant,
            image[0, 0, 0, 0, 0].item<float>()
        );
        var labels = Network.forward(padded).argmax(1)[0].slice(0, 0, k, 1).slice(1, 0, j, 1);
        return labels.slice(2, 0, i, 1).to(uint8).contiguous().cpu().data<byte>().ToArray();

        long Extra(int size) => (multiple - size % multiple) % multiple;
    }

    /// <summary>A share of the logarithm of each class's frequency in training heads; no change for a class that is in none.</summary>
    private float[] Prior()
    {
        var counts = new long[_recipe.Structures.Count + 1];
        for (var index = 0; index < PriorHeads; index++)
        {
            var draw = new FastRandom(_recipe.Seed, index);
            var sample = _source.Draw(draw);
            foreach (var label in sample.Labels)
            {
                counts[label]++;
            }
        }
        return
        [
            .. counts.Select(count =>
                count == 0 ? 0 : PriorShare * MathF.Log((float)count / counts.Sum())
            ),
        ];
    }

    private float[] Normalise(SyntheticHead sample)
    {
        var percentiles = _recipe.Optimisation.Percentiles;
        var spacing = _recipe.Generator.SpacingMm;
        var geometry = VolumeGeometry.Ras(sample.Shape, (spacing, spacing, spacing));
        return Normaliser.Apply(new(geometry, sample.Image), percentiles[0], percentiles[1]).Voxels;
    }

    /// <summary>A patch around a voxel of a structure drawn first, so that small structures are seen as often as large ones; one in sixteen anywhere.</summary>
    private Batch Cut(SyntheticHead sample, float[] image, FastRandom draw)
    {
        var patch = _recipe.Optimisation.Patch;
        int[] shape = [sample.Shape.I, sample.Shape.J, sample.Shape.K];
        var centre = draw.Chance(1 / 16.0)
            ? draw.Next(image.Length)
            : VoxelOf(sample.Labels, (byte)(1 + draw.Next(_recipe.Structures.Count)), draw);
        int[] at =
        [
            centre % shape[0],
            centre / shape[0] % shape[1],
            centre / (shape[0] * shape[1]),
        ];
        var corner = new int[3];
        for (var axis = 0; axis < 3; axis++)
        {
            // The voxel lies in the middle half of the patch.
            var shift = draw.Next(patch[axis] / 2) - patch[axis] / 4;
            corner[axis] = Math.Clamp(
                at[axis] + shift - patch[axis] / 2,
                0,
                shape[axis] - patch[axis]
            );
        }
        var size = patch[0] * patch[1] * patch[2];
        var (input, target) = (new float[size], new byte[size]);
        for (int k = 0, n = 0; k < patch[2]; k++)
        {
            for (var j = 0; j < patch[1]; j++)
            {
                var row = corner[0] + shape[0] * (corner[1] + j + shape[1] * (corner[2] + k));
                for (var i = 0; i < patch[0]; i++, n++)
                {
                    (input[n], target[n]) = (image[row + i], sample.Labels[row + i]);
                }
            }
        }
        long[] space = [patch[2], patch[1], patch[0]];
        return new(tensor(input, [1, 1, .. space]), tensor(target, [1, .. space]));
    }

    private static int VoxelOf(byte[] labels, byte label, FastRandom draw)
    {
        var count = labels.AsSpan().Count(label);
        if (count == 0)
        {
            return draw.Next(labels.Length);
        }
        var (left, position) = (draw.Next(count), -1);
        do
        {
            position += 1 + labels.AsSpan(position + 1).IndexOf(label);
        } while (left-- > 0);
        return position;
    }
}
