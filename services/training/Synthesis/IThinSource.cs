using Platform.Imaging;

namespace Platform.Training.Synthesis;

/// <summary>Where the thin slices come from that super-resolution is to find again. Used from several threads.</summary>
public interface IThinSource
{
    /// <summary>Thin slices along k, without noise; the same stream gives the same.</summary>
    /// <param name="random">The sample's own stream.</param>
    Volume<float> Draw(FastRandom random);

    /// <summary>How many subjects are held out: training never shows them.</summary>
    int HeldOutMaps { get; }

    /// <summary>Thin slices of a held-out subject.</summary>
    /// <param name="map">Which one.</param>
    /// <param name="random">The sample's own stream.</param>
    Volume<float> HeldOut(int map, FastRandom random);
}

/// <summary>Heads of label maps; axial, coronal and sagittal slices alike.</summary>
public sealed class ThinHeads : IThinSource
{
    // As SuperResolver turns them: the slice axis last.
    private static readonly string[] Orientations = ["RAS", "RSA", "ASR"];
    private readonly double _spacing;
    private readonly HeadGenerator _generator;
    private readonly LabelMap[] _training;
    private readonly LabelMap[] _heldOut;

    /// <param name="recipe">Generator, and which maps are held out.</param>
    /// <param name="atlas">The label maps.</param>
    public ThinHeads(Recipe recipe, LabelAtlas atlas)
    {
        _spacing = recipe.Generator.SpacingMm;
        _generator = new(atlas, recipe.Generator, new Dictionary<int, byte>());
        (_training, _heldOut) = recipe.Optimisation.Split(atlas.Maps);
    }

    /// <inheritdoc/>
    public int HeldOutMaps => _heldOut.Length;

    /// <inheritdoc/>
    public Volume<float> Draw(FastRandom random) =>
        Generate(_training[random.Next(_training.Length)], random);

    /// <inheritdoc/>
    public Volume<float> HeldOut(int map, FastRandom random) => Generate(_heldOut[map], random);

    private Volume<float> Generate(LabelMap map, FastRandom random)
    {
        var head = _generator.Generate(map, random);
        var upright = new Volume<float>(
            VolumeGeometry.Ras(head.Shape, (_spacing, _spacing, _spacing)),
            head.Image
        );
        return Orienter.ToOrientation(upright, Orientations[random.Next(3)]);
    }
}

/// <summary>Hearts in short-axis slices; every sample is a heart of its own.</summary>
/// <param name="recipe">Generator, and how hearts are imaged.</param>
public sealed class ThinHearts(Recipe recipe) : IThinSource
{
    private readonly HeartGenerator _hearts = HeartGenerator.Of(recipe);

    /// <inheritdoc/>
    public int HeldOutMaps => 1;

    /// <inheritdoc/>
    public Volume<float> Draw(FastRandom random)
    {
        var (spacing, heart) = (recipe.Generator.SpacingMm, _hearts.Thin(random));
        return new(
            VolumeGeometry.Ras(heart.Shape, (spacing, spacing, recipe.Heart!.ThinMm)),
            heart.Image
        );
    }

    /// <inheritdoc/>
    public Volume<float> HeldOut(int map, FastRandom random) => Draw(random);
}
