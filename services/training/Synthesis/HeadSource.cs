namespace Platform.Training.Synthesis;

/// <summary>Synthetic heads of label maps, some of them held out.</summary>
public sealed class HeadSource : ISampleSource
{
    private readonly LabelAtlas _atlas;
    private readonly GeneratorSettings _settings;
    private readonly IReadOnlyDictionary<int, byte> _classOf;
    private readonly HeadGenerator _generator;
    private readonly LabelMap[] _training;
    private readonly LabelMap[] _heldOut;

    /// <param name="recipe">Generator, structures, and which maps are held out.</param>
    /// <param name="atlas">The label maps.</param>
    public HeadSource(Recipe recipe, LabelAtlas atlas)
    {
        (_atlas, _settings) = (atlas, recipe.Generator);
        _classOf = StructureTask.ClassOf(recipe.Structures);
        _generator = new(atlas, _settings, _classOf);
        (_training, _heldOut) = recipe.Optimisation.Split(atlas.Maps);
    }

    /// <inheritdoc/>
    public int HeldOutMaps => _heldOut.Length;

    /// <inheritdoc/>
    public SyntheticHead Draw(FastRandom random) =>
        _generator.Generate(_training[random.Next(_training.Length)], random);

    /// <inheritdoc/>
    public SyntheticHead HeldOut(int map, FastRandom random, double usualContrast) =>
        new HeadGenerator(
            _atlas,
            _settings with
            {
                T1Fraction = usualContrast,
                FlairFraction = 0,
            },
            _classOf
        ).Generate(_heldOut[map], random);
}
