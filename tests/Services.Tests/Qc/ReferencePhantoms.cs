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
    public static ReferenceSet Set(int count, int? nearest = null) =>
        ReferenceSet.Prepare(
            Manifest with
            {
                Nearest = nearest,
            },
            [.. Enumerable.Range(1, count).Select(seed => BrainPhantom.Subject(seed, Spacing))]
        );

    /// <summary>Writes heads as pairs a person might have.</summary>
    public static void Write(string folder, int count, double spacing = Spacing)
    {
        Directory.CreateDirectory(folder);
        for (var seed = 1; seed <= count; seed++)
        {
            var (image, labels) = BrainPhantom.Subject(seed, spacing);
            Write(folder, seed, image, labels);
        }
    }

    /// <summary>Writes a pair; gives the two paths.</summary>
    public static (string Image, string Labels) Write(
        string folder,
        int number,
        Volume<float> image,
        Volume<byte> labels
    )
    {
        Directory.CreateDirectory(folder);
        var stem = Path.Combine(folder, $"jane-doe-{number}");
        using var imageFile = File.Create($"{stem}.image.nii.gz");
        NiftiWriter.Write(imageFile, image, NiftiCompression.Gzip);
        using var labelFile = File.Create($"{stem}.labels.nii");
        NiftiWriter.Write(labelFile, labels);
        return (imageFile.Name, labelFile.Name);
    }

    /// <summary>An image in which nobody finds a head.</summary>
    public static Volume<float> Noise(VolumeGeometry geometry)
    {
        var random = new Random(1);
        return new(
            geometry,
            [
                .. Enumerable
                    .Range(0, (int)geometry.VoxelCount)
                    .Select(_ => (float)random.NextDouble()),
            ]
        );
    }
}
