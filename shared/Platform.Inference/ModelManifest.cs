using System.Text.Json.Serialization;
using Platform.Imaging.RandomFields;

namespace Platform.Inference;

/// <summary>What a model does.</summary>
public enum ModelTask
{
    /// <summary>Image → labels.</summary>
    Segmentation,

    /// <summary>Thick slices → thin slices.</summary>
    SuperResolution,

    /// <summary>Image and labels → the Dice of each structure.</summary>
    QualityRegression,
}

/// <summary>
/// model.json: everything the platform must know to run a model, so that adding one touches no code.
/// Unknown members are refused when the manifest is read: a misspelt key is an error, not a default.
/// </summary>
public sealed record ModelManifest
{
    /// <summary>Lower-case letters, digits and hyphens; queue and folder name.</summary>
    public required string Name { get; init; }

    /// <summary>Semantic version.</summary>
    public required string Version { get; init; }

    /// <summary>What it does.</summary>
    public required ModelTask Task { get; init; }

    /// <summary>SHA-256 of model.onnx, lower-case hexadecimal; a file with another digest is not loaded.</summary>
    public required string Sha256 { get; init; }

    /// <summary>What the network takes.</summary>
    public required ModelInput Input { get; init; }

    /// <summary>How a volume is cut for the network.</summary>
    public required ModelTiling Tiling { get; init; }

    /// <summary>The structures, for segmentation: one entry an output value. Background (0) is not listed.</summary>
    public IReadOnlyList<ModelLabel> Labels { get; init; } = [];

    /// <summary>
    /// For segmentation: of all voxels that are not background, keep only the largest piece that hangs together by faces, so that what lies
    /// detached from the brain is no brain, whatever its structure. Decided on the network's grid; the rest becomes background.
    /// </summary>
    public bool LargestForegroundOnly { get; init; }

    /// <summary>For segmentation: a dense conditional random field refines the scores by the image; null leaves them as the network gives them.</summary>
    public DenseCrfOptions? Crf { get; init; }

    /// <summary>Thinner slices, for super-resolution.</summary>
    public SuperResolutionSettings? SuperResolution { get; init; }

    /// <summary>Which volumes the model accepts.</summary>
    public required RoutingPredicate Routing { get; init; }

    /// <summary>How far predictions err, for quality regression.</summary>
    public RegressionSettings? Regression { get; init; }

    /// <summary>How qc judges its labels; null where there is nothing to judge them by.</summary>
    public QualitySettings? Quality { get; init; }

    /// <summary>One sentence for people: what it is for and what not.</summary>
    public required string IntendedUse { get; init; }

    /// <summary>name@version.</summary>
    [JsonIgnore]
    public string Id => $"{Name}@{Version}";
}

/// <summary>What the network takes: float32 N×C×K×J×I ("input"), i fastest, as <c>Volume&lt;float&gt;</c> lies in memory.</summary>
public sealed record ModelInput
{
    /// <summary>Names of the channels, for example ["T1"].</summary>
    public required IReadOnlyList<string> Channels { get; init; }

    /// <summary>Channels after the first that may be missing: then they are zero everywhere, the mean of every normalised channel, as in training.</summary>
    public IReadOnlyList<string> OptionalChannels { get; init; } = [];

    /// <summary>Axis codes of the grid the network sees; or <see cref="SliceAxis.Last"/>.</summary>
    public string Orientation { get; init; } = "RAS";

    /// <summary>Spacing of that grid in mm along i, j, k; null keeps the volume's own, and so does 0 along an axis.</summary>
    public IReadOnlyList<double>? SpacingMm { get; init; }

    /// <summary>Intensity normalisation.</summary>
    public required Normalisation Normalisation { get; init; }
}

/// <summary>Clip at two percentiles of the foreground, then scale to zero mean and unit deviation over the foreground.</summary>
public sealed record Normalisation
{
    /// <summary>Lower percentile of the foreground, 0–100.</summary>
    public required double LowPercentile { get; init; }

    /// <summary>Upper percentile of the foreground, 0–100.</summary>
    public required double HighPercentile { get; init; }
}

/// <summary>How a volume is cut. Tiles are fitted to the volume per axis, at most <see cref="MaxTile"/>, multiples of <see cref="Multiple"/>. A network may pad, or take the halo off itself: which is seen when it is loaded.</summary>
public sealed record ModelTiling
{
    /// <summary>Largest tile along i, j, k in voxels of the network's grid.</summary>
    public required IReadOnlyList<int> MaxTile { get; init; }

    /// <summary>Every tile size, and every distance between tiles, is a multiple of this (2^levels for a U-Net, 3 for DeepMedic's low-resolution pathway).</summary>
    public required int Multiple { get; init; }

    /// <summary>Voxels on each side of a tile that are context only.</summary>
    public required int Halo { get; init; }

    /// <summary>For segmentation: a tile in which the first channel is background everywhere is not computed, and is background.</summary>
    public bool SkipBackground { get; init; }
}

/// <summary>One structure.</summary>
public sealed record ModelLabel
{
    /// <summary>The network's output channel. Two labels may share one: then <see cref="Side"/> tells them apart.</summary>
    public required int Channel { get; init; }

    /// <summary>The value in the label map.</summary>
    public required int Value { get; init; }

    /// <summary>For people, for example "left hippocampus".</summary>
    public required string Name { get; init; }

    /// <summary>"left" or "right" of the mid-sagittal plane estimated from the labels themselves; null for both.</summary>
    public string? Side { get; init; }

    /// <summary>SNOMED CT concept.</summary>
    public CodedConcept? Snomed { get; init; }

    /// <summary>Keep only the largest connected component; of a channel with sides, the largest on each side.</summary>
    public bool LargestComponentOnly { get; init; }

    /// <summary>Predicted Dice at or above which this structure passes; null takes the model's. For structures on which experts themselves agree less.</summary>
    public double? PassDice { get; init; }

    /// <summary>Predicted Dice at or above which, and below pass, this structure is to be reviewed; null takes the model's.</summary>
    public double? ReviewDice { get; init; }
}

/// <summary>A SNOMED CT code and its meaning.</summary>
public sealed record CodedConcept(string Code, string Meaning);

/// <summary>Through-plane super-resolution.</summary>
public sealed record SuperResolutionSettings
{
    /// <summary>How many slices each acquired slice becomes.</summary>
    public required int Factor { get; init; }

    /// <summary>Full width at half maximum of the Gaussian slice profile assumed in training, as a fraction of the slice distance.</summary>
    public required double SliceProfileFwhm { get; init; }
}

/// <summary>Which volumes a model accepts, from geometry alone (NIfTI states nothing else).</summary>
public sealed record RoutingPredicate
{
    /// <summary>Least spacing along any axis, mm.</summary>
    public double MinSpacingMm { get; init; }

    /// <summary>Largest spacing along any axis, mm.</summary>
    public double MaxSpacingMm { get; init; } = double.MaxValue;

    /// <summary>Least field of view along every axis, mm.</summary>
    public double MinExtentMm { get; init; }

    /// <summary>Largest field of view along every axis, mm.</summary>
    public double MaxExtentMm { get; init; } = double.MaxValue;

    /// <summary>The thickest axis's spacing over the thinnest's must be at least this; 1 accepts any.</summary>
    public double MinAnisotropy { get; init; } = 1;

    /// <summary>The thickest axis's spacing must be at least this, mm.</summary>
    public double MinThicknessMm { get; init; }

    /// <summary>Least frames: above 1 for a model of time series alone.</summary>
    public int MinFrames { get; init; } = 1;

    /// <summary>Most frames; the network sees each by itself. 1, the default, refuses time series.</summary>
    public int MaxFrames { get; init; } = 1;
}

/// <summary>How far the predictions of a quality regressor err.</summary>
public sealed record RegressionSettings
{
    /// <summary>Nine predictions in ten are nearer to the real Dice than this, on held-out cases of the kind it learnt from.</summary>
    public required double Margin { get; init; }
}

/// <summary>
/// How qc judges a model's labels. The verdict rests on the first that is stated: references, regressor, agreement; the others are reported beside it.
/// </summary>
public sealed record QualitySettings
{
    /// <summary>Reference set as name@version; null where none applies, as for lesions, which correspond to nothing.</summary>
    public string? References { get; init; }

    /// <summary>The quality regressor as name@version: predicts in milliseconds, without references.</summary>
    public string? Regressor { get; init; }

    /// <summary>
    /// What is done to the image, a run of the network each, to see how far the labels depend on it: of <see cref="SegmentationAgreement.Alterations"/>.
    /// </summary>
    public IReadOnlyList<string>? Agreement { get; init; }

    /// <summary>Predicted Dice at or above: pass.</summary>
    public required double PassDice { get; init; }

    /// <summary>Predicted Dice at or above, and below pass: review; below: fail.</summary>
    public required double ReviewDice { get; init; }

    /// <summary>The reverse classifier, one of <see cref="ReverseClassifiers.All"/>; null takes <see cref="ReverseClassifiers.SingleAtlas"/>.</summary>
    public string? Classifier { get; init; }

    /// <summary>The thresholds of a structure: its own where it states them.</summary>
    public (double PassDice, double ReviewDice) For(ModelLabel label) =>
        (label.PassDice ?? PassDice, label.ReviewDice ?? ReviewDice);
}

/// <summary>The reverse classifiers a model can have its labels judged by (Valindria 2017).</summary>
public static class ReverseClassifiers
{
    /// <summary>The references are registered with the test image and their labels compared with the predicted ones.</summary>
    public const string SingleAtlas = "single-atlas";

    /// <summary>A forest learnt from the test image and its predicted labels labels the references.</summary>
    public const string AtlasForest = "atlas-forest";

    /// <summary>A small network fitted to the test image and its predicted labels by the training service labels the references.</summary>
    public const string ConstrainedCnn = "constrained-cnn";

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> All { get; } = [SingleAtlas, AtlasForest, ConstrainedCnn];

    /// <summary>What is said of a name that is none.</summary>
    public static string Unknown(string name) =>
        $"classifier '{name}' is none of {string.Join(", ", All)}";
}
