using System.Security.Cryptography;

namespace Platform.Inference;

/// <summary>A model as installed: its manifest and its network, verified to belong together.</summary>
public sealed class ModelPackage
{
    internal ModelPackage(ModelManifest manifest, byte[] onnx) =>
        (Manifest, Onnx) = (manifest, onnx);

    /// <summary>model.json.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>The bytes of model.onnx; their SHA-256 is the manifest's.</summary>
    public byte[] Onnx { get; }

    /// <summary>Verifies and joins the two files.</summary>
    /// <param name="modelJson">UTF-8 text of model.json.</param>
    /// <param name="onnx">model.onnx; kept, not copied.</param>
    /// <exception cref="ModelPackageException">Invalid manifest, or the network's digest is another than the manifest states.</exception>
    public static ModelPackage Load(ReadOnlySpan<byte> modelJson, byte[] onnx)
    {
        var manifest = ManifestReader.Read(modelJson);
        var digest = Convert.ToHexStringLower(SHA256.HashData(onnx));
        return digest == manifest.Sha256
            ? new ModelPackage(manifest, onnx)
            : throw new ModelPackageException(
                ModelPackageFault.DigestMismatch,
                $"model {manifest.Id}: model.onnx has SHA-256 {digest}, model.json states {manifest.Sha256}"
            );
    }
}
