using Platform.Contracts;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>Made-up heads at 3 mm as references and test cases.</summary>
internal static class ReferencePhantoms
{
    public const double Spacing = 3;

    public static ReferenceSetManifest Manifest { get; } =
        new()
        {
            Name = "phantoms",
            Version = "1",
            Description = "Made up.",
            Files = [],
        };

    /// <summary>Heads 1 … count; test cases take other seeds.</summary>
    public static ReferenceSet Set(int count) =>
        ReferenceSet.Prepare(
            Manifest,
            [.. Enumerable.Range(1, count).Select(seed => BrainPhantom.Subject(seed, Spacing))]
        );

    /// <summary>Writes heads as pairs a person might have.</summary>
    public static void Write(string folder, int count, double spacing = Spacing)
    {
        Directory.CreateDirectory(folder);
        for (var seed = 1; seed <= count; seed++)
        {
            var (image, labels) = BrainPhantom.Subject(seed, spacing);
            using var imageFile = File.Create(
                Path.Combine(folder, $"jane-doe-{seed}.image.nii.gz")
            );
            NiftiWriter.Write(imageFile, image, NiftiCompression.Gzip);
            using var labelFile = File.Create(Path.Combine(folder, $"jane-doe-{seed}.labels.nii"));
            NiftiWriter.Write(labelFile, labels);
        }
    }
}
