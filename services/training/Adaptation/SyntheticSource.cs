using Platform.Imaging;
using Platform.Training.Synthesis;

namespace Platform.Training.Adaptation;

/// <summary>Labelled heads of a recipe's generator, normalised and centred.</summary>
public sealed class SyntheticSource
{
    private readonly Recipe _recipe;
    private readonly HeadGenerator _generator;
    private readonly LabelMap[] _training;
    private readonly LabelMap[] _heldOut;

    /// <param name="recipe">Generator, structures, and which maps are held out.</param>
    /// <param name="atlas">Label maps.</param>
    public SyntheticSource(Recipe recipe, LabelAtlas atlas)
    {
        _recipe = recipe;
        _generator = new(atlas, recipe.Generator, StructureTask.ClassOf(recipe.Structures));
        (_training, _heldOut) = recipe.Optimisation.Split(atlas.Maps);
    }

    /// <summary>A head of a training map.</summary>
    /// <param name="random">The sample's own stream.</param>
    public CentredHead Draw(FastRandom random) =>
        Normalise(_generator.Generate(_training[random.Next(_training.Length)], random));

    /// <summary>Heads of the held-out maps, from a stream no training sample uses.</summary>
    public IEnumerable<CentredHead> HeldOut() =>
        Enumerable
            .Range(0, _heldOut.Length * _recipe.Optimisation.HeldOutHeads)
            .Select(n =>
                Normalise(
                    _generator.Generate(
                        _heldOut[n % _heldOut.Length],
                        new FastRandom(_recipe.Seed + 1_000_003, n)
                    )
                )
            );

    private CentredHead Normalise(SyntheticHead head)
    {
        var mm = _recipe.Generator.SpacingMm;
        var geometry = VolumeGeometry.Ras(head.Shape, (mm, mm, mm));
        return CentredHead.Of(
            new(geometry, head.Image),
            head.Labels,
            _recipe.Optimisation.Percentiles
        );
    }
}
