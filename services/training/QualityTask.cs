using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>One structure of one segmentation of a held-out head.</summary>
/// <param name="Structure">Its position among the labels.</param>
/// <param name="Own">Whether the judged model made the segmentation; else it is known labels made worse.</param>
/// <param name="Predicted">What the network says.</param>
/// <param name="Real">Dice with the known labels.</param>
public sealed record JudgedStructure(int Structure, bool Own, double Predicted, double Real);

/// <summary>
/// Direct regression of a segmentation's Dice: synthetic heads whose labels are known, segmented by the model that is to be judged or by known
/// labels made worse, and the Dice of every structure as target. A structure the segmentation lacks teaches nothing: its Dice is 0 without a network.
/// </summary>
public sealed class QualityTask : ITrainingTask
{
    /// <summary>Stands for "not to be learnt" in a target.</summary>
    private const float Untold = -1;

    /// <summary>The share of heads that the judged model segments, which costs far more than to make a head.</summary>
    private const double OwnHeads = 0.2;

    /// <summary>The share of the judged model's segmentations that stay as they are; others are made worse, at most to <see cref="OwnSeverity"/>.</summary>
    private const double Untouched = 0.4;

    private const double OwnSeverity = 0.6;

    private readonly Recipe _recipe;
    private readonly HeadGenerator _generator;
    private readonly LabelMap[] _training;
    private readonly LabelMap[] _heldOut;
    private readonly Segmenter _segmenter;

    /// <param name="recipe">What to train; <see cref="Recipe.Judges"/> is stated.</param>
    /// <param name="segmentation">The recipe of the judged model: its structures are the output.</param>
    /// <param name="judged">The judged model; run by several threads at once.</param>
    /// <param name="atlas">Label maps; those held out are not drawn from.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    public QualityTask(
        Recipe recipe,
        Recipe segmentation,
        OnnxModel judged,
        LabelAtlas atlas,
        Device? device = null
    )
    {
        _recipe = recipe;
        Judged = judged.Manifest.Id;
        _segmenter = new(judged);
        Labels = [.. ReferenceSetBuilder.Labels(segmentation.Structures)];
        random.manual_seed(recipe.Seed);
        Network = new QualityNet(
            recipe.Network.Widths,
            recipe.Network.OutputWidth,
            [.. Labels.Select(label => label.Value)]
        );
        Device = device ?? CPU;
        Network.to(Device);
        _generator = new(
            atlas,
            recipe.Generator,
            ReferenceSetBuilder.ValueOf(segmentation.Structures)
        );
        (_training, _heldOut) = recipe.Optimisation.Split(atlas.Maps);
    }

    /// <summary>Judges the installed model that another recipe made.</summary>
    /// <exception cref="InvalidDataException">That model is not installed.</exception>
    public static QualityTask Judging(
        Recipe recipe,
        Recipe segmentation,
        LabelAtlas atlas,
        Device device
    )
    {
        var package = InstalledModels.Load(
            $"{segmentation.Name}@{segmentation.Version}",
            $"recipe {recipe.Name}: \"judges\""
        );
        // Samples are made on several threads: each runs the model on its own. It is needed until the program ends.
        var judged = new OnnxModel(package, new() { Device = ComputeDevice.Cpu, Threads = 1 });
        return new(recipe, segmentation, judged, atlas, device);
    }

    /// <inheritdoc/>
    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>The network being trained.</summary>
    public QualityNet Network { get; }

    /// <summary>The judged model's labels, in the order of the output.</summary>
    public IReadOnlyList<ModelLabel> Labels { get; }

    /// <summary>The judged model as name@version.</summary>
    public string Judged { get; }

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        return Segmentations(_training[draw.Next(_training.Length)], draw)
            .Select(segmentation => segmentation.Batch);
    }

    /// <summary>
    /// What the Dice is wrong by, plus the cross-entropy of which voxels are labelled wrongly: a batch has a hundred of the ones and a hundred thousand of
    /// the others, and the maps that tell wrong voxels are the maps that tell the Dice.
    /// </summary>
    public Tensor Loss(Tensor output, Tensor target)
    {
        using var scope = NewDisposeScope();
        var (dice, wrong) = (Part(output, 0, Labels.Count), Part(output, Labels.Count, null));
        var (real, share) = (Part(target, 0, Labels.Count), Part(target, Labels.Count, null));
        var told = (real >= 0).to(float32);
        var error = nn.functional.smooth_l1_loss(dice, real, nn.Reduction.None, beta: 0.05);
        var entropy = nn.functional.binary_cross_entropy_with_logits(wrong, share);
        return ((error * told).sum() / told.sum().clamp_min(1) + entropy).MoveToOuterDisposeScope();

        static Tensor Part(Tensor of, long from, long? to) =>
            of.slice(1, from, to ?? of.shape[1], 1);
    }

    /// <inheritdoc/>
    public string Probe()
    {
        var judged = HeldOut(1);
        return $"mean error {judged.Average(j => Math.Abs(j.Predicted - j.Real)):f3}";
    }

    /// <summary>What the network says of segmentations of synthetic heads from the held-out maps, from a stream no training sample uses.</summary>
    /// <param name="headsPerMap">How many heads.</param>
    public IReadOnlyList<JudgedStructure> HeldOut(int headsPerMap) =>
        [
            .. Enumerable
                .Range(0, _heldOut.Length * headsPerMap)
                .SelectMany(n =>
                    Segmentations(
                        _heldOut[n % _heldOut.Length],
                        new FastRandom(_recipe.Seed + 1_000_003, n)
                    )
                )
                .SelectMany(Judge),
        ];

    private IEnumerable<JudgedStructure> Judge((Batch Batch, bool Own) segmentation)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var batch = segmentation.Batch;
        var predicted = Network.forward(batch.Input.to(Device)).cpu().data<float>().ToArray();
        var real = batch.Target.slice(1, 0, Labels.Count, 1).data<float>().ToArray();
        return
        [
            .. real.Select(
                    (dice, n) => new JudgedStructure(n, segmentation.Own, predicted[n], dice)
                )
                .Where(judged => judged.Real >= 0),
        ];
    }

    /// <summary>Where the judged model segments the head, every second one begins with that; the others with the known labels.</summary>
    private IEnumerable<(Batch Batch, bool Own)> Segmentations(LabelMap map, FastRandom draw)
    {
        var head = _generator.Generate(map, draw);
        var spacing = _recipe.Generator.SpacingMm;
        var geometry = VolumeGeometry.Ras(head.Shape, (spacing, spacing, spacing));
        var truth = new Volume<byte>(geometry, head.Labels);
        var image = new Volume<float>(geometry, head.Image);
        var normalised = Normaliser.Apply(
            image,
            _recipe.Optimisation.Percentiles[0],
            _recipe.Optimisation.Percentiles[1]
        );
        var found = draw.Chance(OwnHeads) ? _segmenter.Run(image).Volume : null;
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            var severity = Math.Pow(draw.Uniform(), 1.5);
            var own = n % 2 == 1 ? found : null;
            if (own is not null)
            {
                severity = draw.Chance(Untouched) ? 0 : OwnSeverity * severity;
            }
            var labels = SegmentationDegrader.Degrade(own ?? truth, severity, (int)draw.NextBits());
            yield return (Sample(normalised, labels, truth), own is not null);
        }
    }

    private Batch Sample(Volume<float> image, Volume<byte> labels, Volume<byte> truth)
    {
        using var scope = NewDisposeScope();
        var patch = _recipe.Optimisation.Patch;
        var box = (patch[0], patch[1], patch[2]);
        var input = QualityRegressor.Input(image, labels, box, image.Voxels.Min());
        var wrong = new Volume<float>(
            image.Geometry,
            [.. labels.Voxels.Zip(truth.Voxels, (a, b) => a == b ? 0f : 1)]
        );
        var differs = tensor(
            QualityRegressor.Input(wrong, labels, box, 0).AsSpan(0, input.Length / 2).ToArray(),
            [1, 1, patch[2], patch[1], patch[0]]
        );
        var overlaps = LabelMeasures.Overlaps(truth, labels).ToDictionary(o => o.Label);
        float[] target =
        [
            .. Labels.Select(label =>
                overlaps.TryGetValue((byte)label.Value, out var overlap) && overlap.Second > 0
                    ? (float)overlap.Dice
                    : Untold
            ),
        ];
        var batch = new Batch(
            tensor(input, [1, 2, patch[2], patch[1], patch[0]]),
            cat(
                [
                    tensor(target, [1, target.Length, 1, 1, 1]),
                    nn.functional.avg_pool3d(differs, [2, 2, 2]).reshape(1, -1, 1, 1, 1),
                ],
                1
            )
        );
        batch.Input.MoveToOuterDisposeScope();
        batch.Target.MoveToOuterDisposeScope();
        return batch;
    }
}
