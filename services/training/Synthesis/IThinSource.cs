using Platform.Imaging;

namespace Platform.Training.Synthesis;

/// <summary>Thin slices along k.</summary>
/// <param name="Image">Without noise.</param>
/// <param name="Low">First voxel of the part in which fidelity is measured.</param>
/// <param name="Size">Voxels of that part.</param>
public sealed record ThinSlices(
    Volume<float> Image,
    (int I, int J, int K) Low,
    (int I, int J, int K) Size
)
{
    /// <summary>That part of a volume on the same grid, i fastest.</summary>
    public float[] Part(float[] voxels)
    {
        var part = new float[Size.I * Size.J * Size.K];
        NormalisedHead.Copy(
            voxels,
            Image.Geometry.Shape,
            [Low.I, Low.J, Low.K],
            [Size.I, Size.J, Size.K],
            part,
            0
        );
        return part;
    }
}

/// <summary>Where the thin slices come from that super-resolution is to find again. Used from several threads.</summary>
public interface IThinSource
{
    /// <summary>Thin slices; the same stream gives the same.</summary>
    /// <param name="random">The sample's own stream.</param>
    ThinSlices Draw(FastRandom random);

    /// <summary>How many subjects are held out: training never shows them.</summary>
    int HeldOutMaps { get; }

    /// <summary>Thin slices of a held-out subject.</summary>
    /// <param name="map">Which one.</param>
    /// <param name="random">The sample's own stream.</param>
    ThinSlices HeldOut(int map, FastRandom random);
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
    public ThinSlices Draw(FastRandom random) =>
        Generate(_training[random.Next(_training.Length)], random);

    /// <inheritdoc/>
    public ThinSlices HeldOut(int map, FastRandom random) => Generate(_heldOut[map], random);

    private ThinSlices Generate(LabelMap map, FastRandom random)
    {
        var head = _generator.Generate(map, random);
        var upright = new Volume<float>(
            VolumeGeometry.Ras(head.Shape, (_spacing, _spacing, _spacing)),
            head.Image
        );
        var turned = Orienter.ToOrientation(upright, Orientations[random.Next(3)]);
        return new(turned, default, turned.Geometry.Shape);
    }
}

/// <summary>Hearts in short-axis slices; every sample is a heart of its own. Fidelity is measured in a box around the ventricles.</summary>
/// <param name="recipe">Generator, and how hearts are imaged.</param>
public sealed class ThinHearts(Recipe recipe) : IThinSource
{
    /// <summary>From the ventricles to the sides of the box within the slices, mm.</summary>
    private const double MarginMm = 10;

    private readonly HeartGenerator _hearts = HeartGenerator.Of(recipe);

    /// <inheritdoc/>
    public int HeldOutMaps => 1;

    /// <inheritdoc/>
    public ThinSlices Draw(FastRandom random) => DrawLabelled(random).Slices;

    /// <summary>Thin slices with the classes of <see cref="HeartGenerator"/>.</summary>
    public (ThinSlices Slices, byte[] Labels) DrawLabelled(FastRandom random)
    {
        var heart = _hearts.Thin(random);
        var (shape, spacing) = (heart.Shape, recipe.Generator.SpacingMm);
        var image = new Volume<float>(
            VolumeGeometry.Ras(shape, (spacing, spacing, recipe.Heart!.ThinMm)),
            heart.Image
        );
        var (low, size) =
            LabelMap.Bounds(shape, n => heart.Labels[n] > 0)
            ?? throw new InvalidDataException("the heart lies outside its grid");
        var margin = (int)(MarginMm / spacing);
        var (i, j) = (Math.Max(0, low.I - margin), Math.Max(0, low.J - margin));
        return (
            new(
                image,
                (i, j, low.K),
                (
                    Math.Min(shape.I, low.I + size.I + margin) - i,
                    Math.Min(shape.J, low.J + size.J + margin) - j,
                    size.K
                )
            ),
            heart.Labels
        );
    }

    /// <inheritdoc/>
    public ThinSlices HeldOut(int map, FastRandom random) => Draw(random);
}
