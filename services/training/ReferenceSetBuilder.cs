using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>How a set of references for quality prediction is synthesised; recipes/references.json.</summary>
public sealed record ReferenceRecipe
{
    /// <summary>Name of the set.</summary>
    public required string Name { get; init; }

    /// <summary>Version of the set.</summary>
    public required string Version { get; init; }

    /// <summary>Seed of the samples.</summary>
    public required long Seed { get; init; }

    /// <summary>Pairs of image and labels; each from another label map while there are enough.</summary>
    public required int Count { get; init; }

    /// <summary>Margin kept around the brain, mm.</summary>
    public required double MarginMm { get; init; }

    /// <summary>Label maps (by position in their folder, from 0) not used: those a model's held-out figures come from.</summary>
    public IReadOnlyList<int> HeldOutMaps { get; init; } = [];

    /// <summary>Synthesis.</summary>
    public required GeneratorSettings Generator { get; init; }
}

/// <summary>
/// Synthesises the reference set that reverse classification accuracy starts with on a machine without labelled scans:
/// T1-like heads, every second one skull-stripped, labels as the segmentation model writes them.
/// </summary>
public static class ReferenceSetBuilder
{
    // Indented, and apostrophes as they are: people read this file.
    private static readonly JsonSerializerOptions SetOptions = new(PlatformJson.Options)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes {nn}.image.nii.zst, {nn}.labels.nii.zst and set.json.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="structures">The segmentation recipe's structures: their values are the labels.</param>
    /// <param name="atlas">Label maps.</param>
    /// <param name="folder">Made where missing.</param>
    public static void Write(
        ReferenceRecipe recipe,
        IReadOnlyList<Structure> structures,
        LabelAtlas atlas,
        string folder
    )
    {
        Directory.CreateDirectory(folder);
        var values = ValueOf(structures);
        HeadGenerator[] generators =
        [
            new(atlas, recipe.Generator with { StrippedFraction = 0 }, values),
            new(atlas, recipe.Generator with { StrippedFraction = 1 }, values),
        ];
        var maps = atlas.Maps.Where((_, n) => !recipe.HeldOutMaps.Contains(n)).ToArray();
        var files = new List<ReferenceSetFile>();
        for (var n = 0; n < recipe.Count; n++)
        {
            var head = generators[n % 2]
                .Generate(maps[n % maps.Length], new FastRandom(recipe.Seed, n));
            var (image, labels) = Crop(head, recipe.Generator.SpacingMm, recipe.MarginMm);
            files.Add(Store(image, folder, $"{n + 1:00}.image.nii.zst"));
            files.Add(Store(labels, folder, $"{n + 1:00}.labels.nii.zst"));
        }
        var manifest = new ReferenceSetManifest
        {
            Name = recipe.Name,
            Version = recipe.Version,
            Description =
                $"{recipe.Count} synthetic T1-weighted heads at {recipe.Generator.SpacingMm} mm, RAS, every second one skull-stripped; "
                + $"made from label maps by 'train references' (seed {recipe.Seed}), not scans of anybody.",
            Files = files,
        };
        File.WriteAllText(
            Path.Combine(folder, "set.json"),
            JsonSerializer.Serialize(manifest, SetOptions) + "\n"
        );
    }

    /// <summary>The output value of every label value the structures merge, sides told apart.</summary>
    public static Dictionary<int, byte> ValueOf(IReadOnlyList<Structure> structures) =>
        structures
            .SelectMany(s =>
                s.Labels.Select(label => (label, s.Value))
                    .Concat(s.RightLabels.Select(label => (label, s.RightValue ?? s.Value)))
            )
            .ToDictionary(pair => pair.label, pair => (byte)pair.Item2);

    /// <summary>The output labels of a segmentation recipe: left and right of a structure told apart share its channel.</summary>
    public static IEnumerable<ModelLabel> Labels(IReadOnlyList<Structure> structures) =>
        structures.SelectMany<Structure, ModelLabel>(
            (s, n) =>
            {
                var label = new ModelLabel
                {
                    Channel = n + 1,
                    Value = s.Value,
                    Name = s.Name,
                    Snomed = s.Snomed,
                    LargestComponentOnly = s.LargestComponentOnly,
                    PassDice = s.PassDice,
                    ReviewDice = s.ReviewDice,
                };
                return s.Value == 0 ? []
                    : s.RightValue is not { } right ? [label]
                    :
                    [
                        label with
                        {
                            Name = $"left {s.Name}",
                            Side = "left",
                        },
                        label with
                        {
                            Name = $"right {s.Name}",
                            Side = "right",
                            Value = right,
                        },
                    ];
            }
        );

    /// <summary>The labelled part and a margin, the image scaled to 0–255 with its 99.9th percentile at 255.</summary>
    private static (Volume<byte> Image, Volume<byte> Labels) Crop(
        SyntheticHead head,
        double spacing,
        double marginMm
    )
    {
        var margin = (int)Math.Round(marginMm / spacing);
        var (low, high) = ((int[])[int.MaxValue, int.MaxValue, int.MaxValue], new int[3]);
        int[] size = [head.Shape.I, head.Shape.J, head.Shape.K];
        for (var n = 0; n < head.Labels.Length; n++)
        {
            // The fluid of the spinal canal reaches to the neck: it does not count.
            if (head.Labels[n] is not (0 or TissueTable.OuterFluid))
            {
                int[] at = [n % size[0], n / size[0] % size[1], n / (size[0] * size[1])];
                for (var axis = 0; axis < 3; axis++)
                {
                    low[axis] = Math.Min(low[axis], at[axis]);
                    high[axis] = Math.Max(high[axis], at[axis]);
                }
            }
        }
        for (var axis = 0; axis < 3; axis++)
        {
            low[axis] = Math.Max(0, low[axis] - margin);
            high[axis] = Math.Min(size[axis] - 1, high[axis] + margin);
        }
        var geometry = VolumeGeometry.Ras(
            (high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1),
            (spacing, spacing, spacing),
            (
                (low[0] - (size[0] - 1) / 2.0) * spacing,
                (low[1] - (size[1] - 1) / 2.0) * spacing,
                (low[2] - (size[2] - 1) / 2.0) * spacing
            )
        );
        var sorted = head.Image.Order().ToArray();
        var scale = 255 / sorted[(int)(0.999 * (sorted.Length - 1))];
        var (image, labels) = (new Volume<byte>(geometry), new Volume<byte>(geometry));
        for (var k = 0; k < geometry.Shape.K; k++)
        {
            for (var j = 0; j < geometry.Shape.J; j++)
            {
                for (var i = 0; i < geometry.Shape.I; i++)
                {
                    var from = low[0] + i + size[0] * (low[1] + j + size[1] * (low[2] + k));
                    image[i, j, k] = (byte)Math.Min(255, Math.Round(head.Image[from] * scale));
                    labels[i, j, k] = head.Labels[from];
                }
            }
        }
        return (image, labels);
    }

    private static ReferenceSetFile Store(Volume<byte> volume, string folder, string name)
    {
        using var stream = new MemoryStream();
        NiftiWriter.Write(stream, volume, NiftiCompression.Zstd);
        File.WriteAllBytes(Path.Combine(folder, name), stream.ToArray());
        return new(name, Convert.ToHexStringLower(SHA256.HashData(stream.ToArray())));
    }
}
