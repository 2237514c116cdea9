using System.Text.Json;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Preprocessing.Tests;

/// <summary>Model packages as preprocessing sees them: manifests only.</summary>
internal static class Packages
{
    /// <summary>Takes up to 10 mm, 100 to 300 mm of a head.</summary>
    public static ModelManifest Brain(string version = "1.0.0") =>
        Manifest("brain", version, ModelTask.Segmentation) with
        {
            Labels =
            [
                new ModelLabel
                {
                    Channel = 1,
                    Value = 1,
                    Name = "brain",
                },
            ],
            Routing = new RoutingPredicate
            {
                MaxSpacingMm = 10,
                MinExtentMm = 100,
                MaxExtentMm = 300,
            },
        };

    /// <summary>As <see cref="Brain"/>, but only up to 4 mm: takes a thick-slice series only once it is super-resolved.</summary>
    public static ModelManifest FineBrain() =>
        Brain() with
        {
            Name = "fine-brain",
            Routing = new RoutingPredicate { MaxSpacingMm = 4, MinExtentMm = 100 },
        };

    /// <summary>Slices of 3 mm and more, three times the in-plane spacing, become four.</summary>
    public static ModelManifest ThickSlices() =>
        Manifest("thick-slices", "1.0.0", ModelTask.SuperResolution) with
        {
            SuperResolution = new SuperResolutionSettings { Factor = 4, SliceProfileFwhm = 1 },
            Routing = new RoutingPredicate { MinAnisotropy = 3, MinThicknessMm = 3 },
        };

    /// <summary>Takes time series of 2 to 40 frames, and nothing else.</summary>
    public static ModelManifest Cine() =>
        Brain() with
        {
            Name = "cine",
            Routing = new RoutingPredicate { MinFrames = 2, MaxFrames = 40 },
        };

    /// <summary>Takes every volume.</summary>
    public static ModelManifest Any() =>
        Brain() with
        {
            Name = "any",
            Routing = new RoutingPredicate(),
        };

    public static Action<TemporaryFolder> Install(params ModelManifest[] models) =>
        folder =>
        {
            foreach (var model in models)
            {
                var path = Path.Combine(folder.Path, "models", model.Name, model.Version);
                Directory.CreateDirectory(path);
                File.WriteAllBytes(
                    Path.Combine(path, "model.json"),
                    JsonSerializer.SerializeToUtf8Bytes(model, ManifestReader.Options)
                );
            }
        };

    private static ModelManifest Manifest(string name, string version, ModelTask task) =>
        new()
        {
            Name = name,
            Version = version,
            Task = task,
            Sha256 = new string('a', 64),
            Input = new ModelInput
            {
                Channels = ["T1"],
                Normalisation = new Normalisation { LowPercentile = 1, HighPercentile = 99 },
            },
            Tiling = new ModelTiling
            {
                MaxTile = [64, 64, 64],
                Multiple = 8,
                Halo = 8,
            },
            Routing = new RoutingPredicate(),
            IntendedUse = "Tests.",
        };
}
