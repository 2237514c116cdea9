using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Inference;

namespace Inference.Tests;

/// <summary>Small manifests for tests, with the digest of the network they come with.</summary>
internal static class Manifests
{
    public static ModelManifest Segmentation(
        byte[] onnx,
        string name = "tiny",
        string version = "1.0.0"
    ) =>
        new()
        {
            Name = name,
            Version = version,
            Task = ModelTask.Segmentation,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
            Input = new ModelInput
            {
                Channels = ["T1"],
                SpacingMm = [2, 2, 2],
                Normalisation = new Normalisation { LowPercentile = 1, HighPercentile = 99 },
            },
            Tiling = new ModelTiling
            {
                MaxTile = [64, 64, 64],
                Multiple = 8,
                Halo = 8,
            },
            Labels =
            [
                new ModelLabel
                {
                    Channel = 1,
                    Value = 1,
                    Name = "bright",
                },
            ],
            Routing = new RoutingPredicate(),
            IntendedUse = "Tests.",
        };

    public static byte[] Json(ModelManifest manifest) =>
        JsonSerializer.SerializeToUtf8Bytes(manifest, ManifestReader.Options);

    public static ModelPackage Package(ModelManifest manifest, byte[] onnx) =>
        ModelPackage.Load(Json(manifest), onnx);

    public static string Text(ModelManifest manifest) => Encoding.UTF8.GetString(Json(manifest));
}
