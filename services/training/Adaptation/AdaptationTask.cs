using System.Globalization;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training.Adaptation;

/// <summary>
/// Unsupervised domain adaptation (Kamnitsas et al., IPMI 2017): a segmenter learns from labelled synthetic heads while an adversary tells from
/// several of its layers which domain a patch is of, and its gradient reaches the segmenter reversed: L = L_seg − α·L_adv.
/// A step sees as many patches of the target as of the source, cut by the same rule.
/// </summary>
public sealed class AdaptationTask : ITrainingTask
{
    private readonly Recipe _recipe;
    private readonly AdaptationSettings _settings;
    private readonly IReadOnlyList<CentredHead> _target;
    private readonly SyntheticSource _source;
    private readonly Lazy<CentredHead[]> _heldOut;
    private readonly Tensor _before;

    /// <param name="recipe">What to train; it has an adaptation.</param>
    /// <param name="atlas">Label maps of the source; those held out are not drawn from.</param>
    /// <param name="target">Unlabelled scans of one site and scanner.</param>
    /// <param name="device">Where the network is trained; null: the CPU.</param>
    /// <exception cref="InvalidDataException">The recipe has no adaptation, or there are too few scans.</exception>
    public AdaptationTask(
        Recipe recipe,
        LabelAtlas atlas,
        IReadOnlyList<CentredHead> target,
        Device? device = null
    )
    {
        _settings =
            recipe.Adaptation
            ?? throw new InvalidDataException($"recipe {recipe.Name}: adaptation: missing");
        if (target.Count < _settings.LeastStudies)
        {
            throw new InvalidDataException(
                $"{target.Count} target scans where at least {_settings.LeastStudies} are needed: of fewer studies the adversary learns the persons, not the scanner"
            );
        }
        (_recipe, _target) = (recipe, target);
        _source = new(recipe, atlas);
        _heldOut = new(() => [.. _source.HeldOut()]);
        Device = device ?? CPU;
        random.manual_seed(recipe.Seed);
        var segmenter = new StructureNet(
            recipe.Network.Widths,
            recipe.Network.OutputWidth,
            recipe.Structures.Count + 1
        );
        segmenter.to(Device);
        Network = new(segmenter);
        Network.Adversary.to(Device);
        _before = full(4, float.NaN, device: Device);
        Network.register_buffer("before", _before);
    }

    /// <summary>The network being trained, with its adversary.</summary>
    public AdversarialNet Network { get; }

    /// <inheritdoc/>
    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>The network that is exported.</summary>
    public StructureNet Segmenter => Network.Segmenter;

    /// <summary>How many target scans there are.</summary>
    public int TargetScans => _target.Count;

    /// <summary>What was measured when the adversary began, with the source's statistics, as the segmenter would have gone to the target without it.</summary>
    public AdaptationMeasures Before
    {
        get
        {
            var values = _before.cpu().data<float>().ToArray();
            return new(values[0], values[1], values[2], values[3]);
        }
    }

    /// <summary>Pairs: input is a patch of the source and one of the target, target the labels of the first.</summary>
    public IEnumerable<Batch> Draw(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        var head = _source.Draw(draw);
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            var labelled = Cut(head, draw);
            using var unlabelled = Cut(_target[draw.Next(_target.Count)], draw);
            using var input = labelled.Input;
            yield return new(cat([input, unlabelled.Input]), labelled.Target);
        }
    }

    /// <inheritdoc/>
    public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, int step)
    {
        using var scope = NewDisposeScope();
        var input = batch.Input.to(Device);
        var (source, target) = (Every(0), Every(1));
        var truth = batch.Target.to(Device);
        if (step < _settings.AloneUntil * _recipe.Optimisation.Steps)
        {
            return Loss(Network.Segment(source, Domain.Source), truth).MoveToOuterDisposeScope();
        }
        var weight = _settings.WeightAt(step, _recipe.Optimisation.Steps);
        var (classes, ofSource) = Network.Tell(source, Domain.Source, weight);
        var (_, ofTarget) = Network.Tell(target, Domain.Target, weight);
        // The reversal makes this one sum: the adversary descends its loss, the segmenter ascends it by α.
        var adversary =
            (nn.functional.softplus(ofSource).mean() + nn.functional.softplus(-ofTarget).mean())
            / 2;
        return (Loss(classes, truth) + adversary).MoveToOuterDisposeScope();

        Tensor Every(long first) => input.slice(0, first, input.shape[0], 2);
    }

    /// <summary>Remembers what was measured when the adversary began; with its full weight, ends the run where nothing is left to gain.</summary>
    public bool Observe(int step)
    {
        var (steps, settings) = (_recipe.Optimisation.Steps, _settings);
        if (step <= settings.AloneUntil * steps)
        {
            // The last observation before the adversary stays.
            var now = Measure(Domain.Source) with
            {
                AdversaryAccuracy = double.NaN,
            };
            using var values = tensor([
                (float)now.SourceDice,
                float.NaN,
                (float)now.TargetEntropy,
                (float)now.VolumeAgreement,
            ]);
            _before.copy_(values);
            return false;
        }
        return step >= settings.FullFrom * steps
            && settings.IsEnough(Measure(Domain.Target), Before);
    }

    /// <summary>The segmenter is for the target: it takes the target's statistics.</summary>
    public void Finish() => Network.Use(Domain.Target);

    /// <inheritdoc/>
    public string Probe()
    {
        var now = Measure(Domain.Target);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"source Dice {now.SourceDice:f3}, adversary {now.AdversaryAccuracy:f2}, target entropy {now.TargetEntropy:f4}, volumes {now.VolumeAgreement:f2}"
        );
    }

    /// <summary>What can be measured without a label of the target: on the brain's patch of held-out source heads and of the target scans.</summary>
    /// <param name="statistics">Whose statistics the target scans are normalised by.</param>
    public AdaptationMeasures Measure(Domain statistics)
    {
        using var none = no_grad();
        Network.eval();
        var structures = _recipe.Structures.Count;
        var (found, truth, both, inTarget) = (
            new double[structures + 1],
            new double[structures + 1],
            new double[structures + 1],
            new double[structures + 1]
        );
        var (sourceTold, targetTold, entropy) = (0.0, 0.0, 0.0);
        foreach (var head in _heldOut.Value)
        {
            using var scope = NewDisposeScope();
            var patch = head.Cut(_recipe.Optimisation.Patch);
            var (classes, told) = Network.Tell(patch.Input.to(Device), Domain.Source, 0);
            var labels = classes.argmax(1).cpu();
            for (var n = 1; n <= structures; n++)
            {
                var (a, b) = (labels == n, patch.Target == n);
                found[n] += Sum(a);
                truth[n] += Sum(b);
                both[n] += Sum(a & b);
            }
            sourceTold += Sum(told < 0) / told.numel() / _heldOut.Value.Length;
        }
        foreach (var scan in _target)
        {
            using var scope = NewDisposeScope();
            var patch = scan.Cut(_recipe.Optimisation.Patch);
            var (classes, told) = Network.Tell(patch.Input.to(Device), statistics, 0);
            var log = nn.functional.log_softmax(classes, 1);
            entropy -= (log.exp() * log).sum(1).mean().item<float>() / _target.Count;
            var labels = classes.argmax(1);
            for (var n = 1; n <= structures; n++)
            {
                inTarget[n] += Sum(labels == n);
            }
            targetTold += Sum(told > 0) / told.numel() / _target.Count;
        }
        var classesSeen = Enumerable.Range(1, structures).Where(n => truth[n] > 0).ToList();
        return new(
            classesSeen.Average(n => 2 * both[n] / (found[n] + truth[n])),
            (sourceTold + targetTold) / 2,
            entropy,
            classesSeen.Average(n =>
            {
                var (a, b) = (inTarget[n] / _target.Count, truth[n] / _heldOut.Value.Length);
                return Math.Min(a, b) / Math.Max(a, b);
            })
        );

        static double Sum(Tensor where) => where.sum().item<long>();
    }

    private Batch Cut(CentredHead head, FastRandom draw) =>
        head.Cut(
            _recipe.Optimisation.Patch,
            (int)(_recipe.Generator.ShiftMm / _recipe.Generator.SpacingMm),
            draw
        );
}
