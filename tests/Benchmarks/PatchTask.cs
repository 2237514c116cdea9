using Platform.Training;
using Platform.Training.Adaptation;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

namespace Platform.Benchmarks;

/// <summary>A segmenter that learns from labelled heads alone, on the patches adaptation takes: what adaptation is compared with.</summary>
internal sealed class PatchTask : ITrainingTask
{
    private readonly Recipe _recipe;
    private readonly Func<FastRandom, CentredHead> _head;

    /// <param name="recipe">Network, patches and seed.</param>
    /// <param name="head">Draws a labelled head.</param>
    public PatchTask(Recipe recipe, Func<FastRandom, CentredHead> head)
    {
        (_recipe, _head) = (recipe, head);
        random.manual_seed(recipe.Seed);
        Network = new(
            recipe.Network.Widths,
            recipe.Network.OutputWidth,
            recipe.Structures.Count + 1
        );
    }

    /// <summary>The network being trained.</summary>
    public StructureNet Network { get; }

    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device => CPU;

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        var head = _head(draw);
        var shift = (int)(_recipe.Generator.ShiftMm / _recipe.Generator.SpacingMm);
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            yield return head.Cut(_recipe.Optimisation.Patch, shift, draw);
        }
    }

    /// <inheritdoc/>
    public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

    /// <summary>Nothing is held out.</summary>
    public string Probe() => "";
}
