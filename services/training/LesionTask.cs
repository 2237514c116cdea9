using Platform.Imaging;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// Segmentation of lesions by DeepMedic: synthetic heads with lesions, half of the patches around a lesion voxel and half around any voxel of the head.
/// A patch's target is smaller than its input by the network's halo; beyond the head lies the lowest normalised value, as at inference.
/// An optional channel that is missing is zero everywhere, the mean of every normalised channel.
/// </summary>
public sealed class LesionTask : ITrainingTask
{
    /// <summary>Training heads on which the balance of the classes is chosen.</summary>
    private const int BalanceHeads = 6;

    private readonly Recipe _recipe;
    private readonly int _lesions;
    private readonly HeadGenerator _generator;
    private readonly LabelMap[] _training;
    private readonly LabelMap[] _heldOut;
    private readonly Lazy<NormalisedHead[]> _probes;
    private readonly Lazy<NormalisedHead[]> _balance;

    /// <param name="recipe">What to train; it has lesions and channels.</param>
    /// <param name="atlas">Label maps; those held out are not drawn from.</param>
    /// <param name="infarcts">Shapes of infarcts.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    /// <exception cref="InvalidDataException">The recipe has no lesions, no channels, an optional first channel, or a patch that is no multiple of 3.</exception>
    public LesionTask(
        Recipe recipe,
        LabelAtlas atlas,
        IReadOnlyList<LesionMask> infarcts,
        Device? device = null
    )
    {
        _recipe = Checked(recipe);
        _lesions = recipe.Structures.Count(s => s.Value > 0);
        random.manual_seed(recipe.Seed);
        Network = new DeepMedic(
            recipe.Network.Widths,
            recipe.Network.OutputWidth,
            recipe.Structures.Count + 1,
            recipe.Generator.Channels.Count
        );
        Device = device ?? CPU;
        Network.to(Device);
        atlas = atlas.With(TissueTable.LesionValues);
        _generator = new(
            atlas,
            recipe.Generator,
            StructureTask.ClassOf(recipe.Structures),
            new LesionPainter(atlas, recipe.Lesions!, infarcts)
        );
        (_training, _heldOut) = recipe.Optimisation.Split(atlas.Maps);
        _probes = new(() => [.. HeldOut(1)]);
        _balance = new(() =>
            [.. Enumerable.Range(0, BalanceHeads).Select(n => Make(_training, n, 2_000_003))]
        );
    }

    /// <inheritdoc/>
    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>The network being trained.</summary>
    public DeepMedic Network { get; }

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index)
    {
        var (sample, draw) = Generate(index);
        var head = Normalise(sample);
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            yield return Cut(head, draw);
        }
    }

    /// <summary>The head of sample <paramref name="index"/>.</summary>
    public SyntheticHead Sample(long index) => Generate(index).Head;

    /// <inheritdoc/>
    public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

    /// <summary>
    /// The loss and the choice of patches teach the network to expect more lesion than there is. The constant that is taken from the logits of
    /// lesions is the one with the best mean Dice on heads of the training maps.
    /// </summary>
    public void Finish()
    {
        using var none = no_grad();
        Network.eval();
        float[] candidates = [.. Enumerable.Range(-4, 17).Select(n => n / 2f)];
        var dice = new double[candidates.Length];
        foreach (var head in _balance.Value)
        {
            using var logits = Logits(head, withOptional: false);
            for (var n = 0; n < candidates.Length; n++)
            {
                dice[n] += Agreement(logits, candidates[n], head).Dice;
            }
        }
        var taken = candidates[Array.IndexOf(dice, dice.Max())];
        Network.Shift([0, .. _recipe.Structures.Select(s => s.Value > 0 ? -taken : 0)]);
    }

    /// <inheritdoc/>
    public string Probe() => HeldOutAgreement(_probes.Value, withOptional: false).ToString();

    /// <summary>Agreement with the truth over the held-out heads of the recipe.</summary>
    /// <param name="withOptional">Whether the optional channels are given.</param>
    public SyntheticAgreement HeldOutAgreement(bool withOptional) =>
        HeldOutAgreement(HeldOut(_recipe.Optimisation.HeldOutHeads), withOptional);

    private SyntheticAgreement HeldOutAgreement(
        IEnumerable<NormalisedHead> heads,
        bool withOptional
    )
    {
        using var none = no_grad();
        return SyntheticAgreement.Mean(
            heads.Select(head =>
            {
                using var logits = Logits(head, withOptional);
                return Agreement(logits, 0, head);
            })
        );
    }

    /// <summary>Synthetic heads of the held-out maps, from a stream no training sample uses.</summary>
    private IEnumerable<NormalisedHead> HeldOut(int headsPerMap) =>
        Enumerable
            .Range(0, _heldOut.Length * headsPerMap)
            .Select(n => Make(_heldOut, n, 1_000_003));

    private NormalisedHead Make(LabelMap[] maps, int n, long stream) =>
        Normalise(
            _generator.Generate(maps[n % maps.Length], new FastRandom(_recipe.Seed + stream, n))
        );

    private (SyntheticHead Head, FastRandom Draw) Generate(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        return (_generator.Generate(_training[draw.Next(_training.Length)], draw), draw);
    }

    private static Recipe Checked(Recipe recipe)
    {
        var patch = recipe.Optimisation.Patch;
        return recipe switch
        {
            { Lesions: null } => throw Invalid("lesions: missing"),
            { Structures: [{ Value: 0 }, ..] or [] } => throw Invalid(
                "structures: at least one, and first, with a value"
            ),
            _ when recipe.Structures.SkipWhile(s => s.Value > 0).Any(s => s.Value > 0) =>
                throw Invalid("structures: those of value 0 come last"),
            { Generator.Channels: [] } => throw Invalid("generator.channels: at least one"),
            { Generator.Channels: [{ MissingFraction: > 0 }, ..] } => throw Invalid(
                "generator.channels: the first cannot be missing"
            ),
            _ when patch.Count != 3
                    || patch.Any(size => size < DeepMedic.Factor || size % DeepMedic.Factor != 0) =>
                throw Invalid(
                    $"optimisation.patch [{string.Join(", ", patch)}]: three multiples of {DeepMedic.Factor}"
                ),
            _ => recipe,
        };

        InvalidDataException Invalid(string what) => new($"recipe {recipe.Name}: {what}");
    }

    private NormalisedHead Normalise(SyntheticHead head)
    {
        var (low, high) = (
            _recipe.Optimisation.Percentiles[0],
            _recipe.Optimisation.Percentiles[1]
        );
        var spacing = _recipe.Generator.SpacingMm;
        var geometry = VolumeGeometry.Ras(head.Shape, (spacing, spacing, spacing));
        var channels = head
            .Images.Select(image =>
            {
                var (_, least, _, mean, deviation) = Normaliser.Measure(image, low, high);
                return (
                    Normaliser.Apply(new(geometry, image), low, high).Voxels,
                    (least - mean) / deviation
                );
            })
            .ToArray();
        return new(head.Shape, channels, head.Labels);
    }

    private Batch Cut(NormalisedHead head, FastRandom draw)
    {
        var patch = _recipe.Optimisation.Patch;
        int[] shape = [head.Shape.I, head.Shape.J, head.Shape.K];
        var centre = draw.Chance(0.5)
            ? VoxelWhere(head.Labels, label => label > 0 && label <= _lesions, draw)
            : VoxelWhere(head.Channels[0].Voxels, value => value > head.Channels[0].Outside, draw);
        int[] at =
        [
            centre % shape[0],
            centre / shape[0] % shape[1],
            centre / (shape[0] * shape[1]),
        ];
        var corner = new int[3];
        for (var axis = 0; axis < 3; axis++)
        {
            corner[axis] = at[axis] - draw.Next(patch[axis]);
        }
        var missing = _recipe
            .Generator.Channels.Select(channel => draw.Chance(channel.MissingFraction))
            .ToArray();
        var halo = DeepMedic.Halo;
        var input = head.Input(
            [.. corner.Select(c => c - halo)],
            [.. patch.Select(size => size + 2 * halo)],
            missing
        );
        var target = new byte[patch[0] * patch[1] * patch[2]];
        NormalisedHead.Copy(head.Labels, head.Shape, corner, [.. patch], target, (byte)0);
        return new(input, tensor(target, [1, patch[2], patch[1], patch[0]]));
    }

    /// <summary>Logits of a whole head, by slabs.</summary>
    private Tensor Logits(NormalisedHead head, bool withOptional)
    {
        const int slab = 16 * DeepMedic.Factor;
        var halo = DeepMedic.Halo;
        var missing = _recipe
            .Generator.Channels.Select(channel => !withOptional && channel.MissingFraction > 0)
            .ToArray();
        var (i, j, k) = head.Shape;
        using var scope = NewDisposeScope();
        var slabs = new List<Tensor>();
        for (var start = 0; start < k; start += slab)
        {
            using var input = head.Input(
                [-halo, -halo, start - halo],
                [Whole(i) + 2 * halo, Whole(j) + 2 * halo, slab + 2 * halo],
                missing
            );
            slabs.Add(Network.forward(input.to(Device)).cpu());
        }
        return cat(slabs, 2)
            .slice(2, 0, k, 1)
            .slice(3, 0, j, 1)
            .slice(4, 0, i, 1)
            .contiguous()
            .MoveToOuterDisposeScope();

        static int Whole(int size) =>
            (size + DeepMedic.Factor - 1) / DeepMedic.Factor * DeepMedic.Factor;
    }

    /// <summary>Lesions where theirs are the largest logits, after something is taken from them, against the head's.</summary>
    private SyntheticAgreement Agreement(Tensor logits, float taken, NormalisedHead head)
    {
        using var scope = NewDisposeScope();
        var shifted = logits.clone();
        shifted.slice(1, 1, 1 + _lesions, 1).sub_(taken);
        byte[] found = [.. shifted.argmax(1).to(uint8).contiguous().data<byte>()];
        return SyntheticAgreement.Between(found, head, _lesions);
    }

    /// <summary>One of the voxels that are wanted, each with the same chance; any voxel where none is.</summary>
    private static int VoxelWhere<T>(T[] values, Func<T, bool> wanted, FastRandom draw)
    {
        var found = values.Count(wanted);
        if (found == 0)
        {
            return draw.Next(values.Length);
        }
        var (left, position) = (draw.Next(found), 0);
        while (!wanted(values[position]) || left-- > 0)
        {
            position++;
        }
        return position;
    }
}
