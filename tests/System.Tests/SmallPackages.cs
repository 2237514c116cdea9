using System.Text.Json.Nodes;
using Platform.Imaging;
using Platform.Qc;

namespace System.Tests;

/// <summary>The committed model with a reference set of two, and scans made of the committed synthetic heads: a study then takes seconds.</summary>
internal static class SmallPackages
{
    private static string Shared => Path.Combine(FrontDoor.Root, "shared");

    private static string Heads => Path.Combine(Shared, "references", "brain-t1", "2");

    public static string Model { get; } =
        $"brain-structures@{Path.GetFileName(Directory.GetDirectories(Path.Combine(Shared, "models", "brain-structures")).Single())}";

    public static void Make(string folder)
    {
        foreach (
            var file in Directory.GetFiles(
                Path.Combine(Shared, "models"),
                "model.*",
                SearchOption.AllDirectories
            )
        )
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(Shared, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
            if (
                Path.GetExtension(copy) == ".json"
                && JsonNode.Parse(File.ReadAllText(copy)) is { } manifest
                && manifest["quality"] is JsonObject quality
            )
            {
                quality["references"] = "small@1";
                File.WriteAllText(copy, manifest.ToJsonString());
            }
        }
        var pairs = Directory.CreateDirectory(Path.Combine(folder, "pairs"));
        foreach (var number in new[] { "01", "02" })
        {
            foreach (var part in new[] { "image", "labels" })
            {
                File.Copy(
                    Path.Combine(Heads, $"{number}.{part}.nii.zst"),
                    Path.Combine(pairs.FullName, $"{number}.{part}.nii.zst")
                );
            }
        }
        ReferenceSetBuilder.Build(pairs.FullName, Path.Combine(folder, "references", "small", "1"));
        pairs.Delete(recursive: true);
    }

    /// <summary>A synthetic head as .nii.gz; another seed is another study.</summary>
    public static byte[] Scan(int seed)
    {
        using var scan = new MemoryStream();
        NiftiWriter.Write(scan, Head(seed), NiftiCompression.Gzip);
        return scan.ToArray();
    }

    /// <summary>The head, with noise of its own.</summary>
    public static Volume<float> Head(int seed)
    {
        using var file = File.OpenRead(Path.Combine(Heads, "03.image.nii.zst"));
        var head = NiftiReader.ReadImage(file);
        var random = new Random(seed);
        for (var n = 0; n < head.Voxels.Length; n++)
        {
            head.Voxels[n] = MathF.Round(head.Voxels[n] + 4 * random.NextSingle());
        }
        return head;
    }
}
