using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Inference;
using Platform.Training.Adaptation;
using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>Everything that decides what a training run makes; recipes/*.json. A misspelt key is refused.</summary>
public sealed record Recipe
{
    /// <summary>Model name.</summary>
    public required string Name { get; init; }

    /// <summary>Model version.</summary>
    public required string Version { get; init; }

    /// <summary>Seed of weights and samples.</summary>
    public required long Seed { get; init; }

    /// <summary>Architecture.</summary>
    public required NetworkSettings Network { get; init; }

    /// <summary>Optimisation.</summary>
    public required OptimisationSettings Optimisation { get; init; }

    /// <summary>How thick slices are simulated; super-resolution only.</summary>
    public SliceSettings? Slices { get; init; }

    /// <summary>Synthesis.</summary>
    public required GeneratorSettings Generator { get; init; }

    /// <summary>How hearts are imaged; cardiac models only, which need no label maps.</summary>
    public HeartSettings? Heart { get; init; }

    /// <summary>What is painted into the label maps; lesions only.</summary>
    public LesionSettings? Lesions { get; init; }

    /// <summary>How the segmenter is taken to another scanner; adaptation only.</summary>
    public AdaptationSettings? Adaptation { get; init; }

    /// <summary>The recipe of the model whose segmentations are judged, without ".json"; quality regression only.</summary>
    public string? Judges { get; init; }

    /// <summary>The installed model whose weights training begins with, as name@version; its network has the same widths, and normalisation should be frozen from the start. Brain structures only.</summary>
    public string? Start { get; init; }

    /// <summary>The quality regressor that judges this model's segmentations, as name@version; segmentation only.</summary>
    public string? Regressor { get; init; }

    /// <summary>Target classes of a segmentation, in channel order from 1; background is channel 0.</summary>
    public IReadOnlyList<Structure> Structures { get; init; } = [];
}

/// <summary>Reads recipes strictly.</summary>
public static class RecipeFile
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        Converters = { new JsonStringEnumConverter(allowIntegerValues: false) },
    };

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="InvalidDataException">Not JSON, a missing key, or a key that no setting has.</exception>
    public static T Read<T>(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllText(path), Options)!;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{Path.GetFileName(path)}: {e.Message}", e);
        }
    }
}

/// <summary>Widths of a network.</summary>
public sealed record NetworkSettings
{
    /// <summary>U-Net: maps at each level, full resolution first. Super-resolution: the first layer's maps, then as many entries as residual pairs, all alike. Quality regression: as a U-Net, half resolution first. Lesions: the eight layers of a DeepMedic pathway.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Maps of the last full-resolution layer; quality regression: of the layer before the Dice; lesions: of the classifier's hidden layers.</summary>
    public required int OutputWidth { get; init; }

    /// <summary>U-Net: above 0 for thick slices, as <see cref="Networks.StructureNet"/> takes it.</summary>
    public int FlatLevels { get; init; }
}

/// <summary>How thick slices are made of thin ones.</summary>
public sealed record SliceSettings
{
    /// <summary>Thin slices in each thick one.</summary>
    public required int Factor { get; init; }

    /// <summary>Full width at half maximum of the Gaussian slice profile over the slice distance: least and largest.</summary>
    public required IReadOnlyList<double> ProfileFwhm { get; init; }

    /// <summary>Standard deviation of the shift of a thick slice within its plane, mm.</summary>
    public double ShiftMm { get; init; }

    /// <summary>Whether the network also learns how far off it is, voxel by voxel.</summary>
    public bool Uncertainty { get; init; }

    /// <summary>Largest standard deviation of the noise added to thick slices, relative to white matter at 1.</summary>
    public required double Noise { get; init; }
}

/// <summary>How a network is trained.</summary>
public sealed record OptimisationSettings
{
    /// <summary>Optimiser steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Patch along i, j, k, voxels.</summary>
    public required IReadOnlyList<int> Patch { get; init; }

    /// <summary>Patches cut from each synthetic head.</summary>
    public int PatchesPerHead { get; init; } = 2;

    /// <summary>Patches a step learns from.</summary>
    public int PatchesPerStep { get; init; } = 1;

    /// <summary>Convolutions multiply in bfloat16, as <see cref="Networks.MixedPrecision"/> does: fast on processors that can (avx512_bf16, amx_bf16), slow on others.</summary>
    public bool Bfloat16 { get; init; }

    /// <summary>Largest learning rate (Adam), reached after the warm-up, then lowered along a cosine to zero.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Steps of linear warm-up.</summary>
    public int WarmUpSteps { get; init; } = 100;

    /// <summary>
    /// Fraction of the steps after which batch normalisation keeps its running statistics. With one patch a batch the statistics
    /// are the patch's own; the rest of the run trains the network for what inference uses.
    /// </summary>
    public double FreezeNormalisationAt { get; init; } = 0.35;

    /// <summary>Decay a step of the moving average of the weights, which is what is exported.</summary>
    public double AverageDecay { get; init; } = 0.995;

    /// <summary>Gradients are scaled down to this norm.</summary>
    public double LargestGradient { get; init; } = 5;

    /// <summary>Label maps (by position in their folder, from 0) never trained on: the held-out figures come from them.</summary>
    public IReadOnlyList<int> HeldOutMaps { get; init; } = [];

    /// <summary>Label maps to train on, and those held out.</summary>
    /// <exception cref="InvalidDataException">A held-out position beyond the folder, or nothing left to train on.</exception>
    public (LabelMap[] Training, LabelMap[] HeldOut) Split(IReadOnlyList<LabelMap> maps) =>
        HeldOutMaps.Any(n => n < 0 || n >= maps.Count) || HeldOutMaps.Count >= maps.Count
            ? throw new InvalidDataException(
                $"the recipe holds out maps {string.Join(", ", HeldOutMaps)} of {maps.Count}"
            )
            : (
                [.. maps.Where((_, n) => !HeldOutMaps.Contains(n))],
                [.. HeldOutMaps.Select(n => maps[n])]
            );

    /// <summary>Synthetic heads per held-out map in the final figures.</summary>
    public int HeldOutHeads { get; init; } = 6;

    /// <summary>Low and high percentile of the input normalisation.</summary>
    public IReadOnlyList<double> Percentiles { get; init; } = [0.5, 99.5];
}

/// <summary>A structure the network learns, and how its channel appears in label maps.</summary>
public sealed record Structure
{
    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Label values merged into it; for a structure told apart by side, those on the left.</summary>
    public required IReadOnlyList<int> Labels { get; init; }

    /// <summary>Label values on the right, merged into the same channel.</summary>
    public IReadOnlyList<int> RightLabels { get; init; } = [];

    /// <summary>Value in the output; for a structure told apart by side the left one. Lesions: 0 for what the network learns beside them, to tell them from it, and is background in the output.</summary>
    public required int Value { get; init; }

    /// <summary>Value of the right one; null for a structure that is not told apart.</summary>
    public int? RightValue { get; init; }

    /// <summary>SNOMED CT concept, where certain.</summary>
    public CodedConcept? Snomed { get; init; }

    /// <summary>Keep the largest component only.</summary>
    public bool LargestComponentOnly { get; init; }

    /// <summary>Predicted Dice from which it passes; null takes what <see cref="PackageWriter"/> makes of the held-out Dice.</summary>
    public double? PassDice { get; init; }

    /// <summary>Predicted Dice from which it is reviewed; null takes 0.2 below pass.</summary>
    public double? ReviewDice { get; init; }
}
