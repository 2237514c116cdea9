using System.Security.Cryptography;

namespace Platform.Testing;

/// <summary>Model packages around <see cref="TinyNetwork"/>s, written as a package's author would write them.</summary>
public static class TinyPackage
{
    /// <summary>Label 1 is what is brighter than half a normalised unit, on a 2 mm grid.</summary>
    /// <param name="folder">Holds models/.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="version">Its version.</param>
    /// <param name="digest">What model.json states instead of the network's SHA-256.</param>
    /// <param name="routing">Which series it takes, as JSON; any volume where nothing is said.</param>
    public static void Segmentation(
        string folder,
        string name = "tiny",
        string version = "1.0.0",
        string? digest = null,
        string routing = "{}"
    )
    {
        var onnx = TinyNetwork.Threshold(0.5f);
        Write(
            folder,
            name,
            version,
            onnx,
            $$"""
            {
              "name": "{{name}}", "version": "{{version}}", "task": "Segmentation",
              "sha256": "{{digest ?? Digest(onnx)}}",
              "input": {
                "channels": ["T1"], "spacingMm": [2, 2, 2],
                "normalisation": { "lowPercentile": 1, "highPercentile": 99 }
              },
              "tiling": { "maxTile": [64, 64, 64], "multiple": 8, "halo": 8 },
              "labels": [{ "channel": 1, "value": 1, "name": "bright" }],
              "routing": {{routing}},
              "intendedUse": "Tests."
            }
            """
        );
    }

    /// <summary>Four slices for one, with nothing added to the interpolation.</summary>
    /// <param name="folder">Holds models/.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="maxFrames">The longest time series it takes.</param>
    /// <param name="error">The error it expects everywhere, in standard deviations of the image; null where it does not say.</param>
    public static void SuperResolution(
        string folder,
        string name = "tiny-sr",
        int maxFrames = 1,
        float? error = null
    )
    {
        var onnx = error is { } expected
            ? TinyNetwork.UncertainSlices(4, expected)
            : TinyNetwork.Slices(0, 0, 0, 0);
        Write(
            folder,
            name,
            "1.0.0",
            onnx,
            $$"""
            {
              "name": "{{name}}", "version": "1.0.0", "task": "SuperResolution",
              "sha256": "{{Digest(onnx)}}",
              "input": {
                "channels": ["T1"],
                "normalisation": { "lowPercentile": 1, "highPercentile": 99 }
              },
              "tiling": { "maxTile": [64, 64, 32], "multiple": 1, "halo": 4 },
              "superResolution": { "factor": 4, "sliceProfileFwhm": 1 },
              "routing": { "minThicknessMm": 3, "minAnisotropy": 2.5, "maxFrames": {{maxFrames}} },
              "intendedUse": "Tests."
            }
            """
        );
    }

    /// <summary>Predicts the same Dice whatever it sees, with a margin of 0.1.</summary>
    /// <param name="folder">Holds models/.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="dice">Label values and what is predicted of them.</param>
    public static void Regression(string folder, string name, params (int Value, float Dice)[] dice)
    {
        var onnx = TinyNetwork.Regression([.. dice.Select(label => label.Dice)]);
        var labels = dice.Select(
            (label, n) =>
                $$"""{ "channel": {{n + 1}}, "value": {{label.Value}}, "name": "label {{label.Value}}" }"""
        );
        Write(
            folder,
            name,
            "1.0.0",
            onnx,
            $$"""
            {
              "name": "{{name}}", "version": "1.0.0", "task": "QualityRegression",
              "sha256": "{{Digest(onnx)}}",
              "input": {
                "channels": ["T1", "labels"], "spacingMm": [2, 2, 2],
                "normalisation": { "lowPercentile": 1, "highPercentile": 99 }
              },
              "tiling": { "maxTile": [64, 64, 64], "multiple": 8, "halo": 0 },
              "labels": [{{string.Join(", ", labels)}}],
              "regression": { "margin": 0.1 },
              "routing": {},
              "intendedUse": "Tests."
            }
            """
        );
    }

    private static void Write(
        string folder,
        string name,
        string version,
        byte[] onnx,
        string manifest
    )
    {
        var path = Path.Combine(folder, "models", name, version);
        Directory.CreateDirectory(path);
        File.WriteAllBytes(Path.Combine(path, "model.onnx"), onnx);
        File.WriteAllText(Path.Combine(path, "model.json"), manifest);
    }

    private static string Digest(byte[] onnx) => Convert.ToHexStringLower(SHA256.HashData(onnx));
}
