using System.Security.Cryptography;
using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;

namespace Platform.Qc;

/// <summary>Makes reference sets of image and label pairs, and evaluates them.</summary>
public static class ReferenceSetBuilder
{
    /// <summary>Severities of the degraded segmentations a reference is evaluated with: real Dice from 1 down to about 0.</summary>
    internal static readonly double[] Severities = [0, 0.15, 0.3, 0.4, 0.5, 0.62, 0.78, 1];

    /// <summary>Voxels above which a pair is brought to 2 mm: registration needs no more, and each reference stays in memory.</summary>
    private const long MostVoxels = 2_000_000;

    /// <summary>Writes a reference set.</summary>
    /// <param name="inputDir">Pairs NAME.image.nii[.gz|.zst] and NAME.labels.nii[.gz|.zst]; labels are the model's output values, 1–255. Names are not taken over.</param>
    /// <param name="outputDir">The folder of reference sets; the set is written to {outputDir}/{name}/{version}, which must not exist.</param>
    /// <param name="name">Lower-case letters, digits and hyphens.</param>
    /// <param name="version">For example "1".</param>
    /// <param name="description">For people.</param>
    /// <returns>The set's folder.</returns>
    /// <exception cref="InvalidDataException">No pairs, an image without labels, an existing version; the message names the pair by its position.</exception>
    /// <exception cref="VolumeException">A pair that cannot serve as a reference.</exception>
    public static string Build(
        string inputDir,
        string outputDir,
        string name,
        string version,
        string description = "Added from a folder."
    )
    {
        var folder = Path.Combine(outputDir, name, version);
        if (Directory.Exists(folder))
        {
            throw new InvalidDataException(
                $"reference set {name}@{version} exists; a version never changes, give the set a new one"
            );
        }
        var images = Directory
            .EnumerateFiles(inputDir, "*.image.nii*")
            .Order(StringComparer.Ordinal)
            .ToList();
        if (images.Count == 0)
        {
            throw new InvalidDataException(
                "the folder has no NAME.image.nii, .nii.gz or .nii.zst beside NAME.labels.nii"
            );
        }
        var partial = Directory.CreateDirectory(folder + ".partial").FullName;
        var files = new List<ReferenceSetFile>();
        var pairs = new List<(Volume<float>, Volume<byte>)>();
        for (var n = 0; n < images.Count; n++)
        {
            var (image, labels) = ReadPair(images[n], n + 1);
            pairs.Add((image, labels));
            files.Add(Write(partial, $"{n + 1:00}.image.nii.zst", image));
            files.Add(Write(partial, $"{n + 1:00}.labels.nii.zst", labels));
        }
        var manifest = new ReferenceSetManifest
        {
            Name = name,
            Version = version,
            Description = description,
            Files = files,
        };
        // Whatever qc would refuse is refused here.
        ReferenceSet.Prepare(manifest, pairs);
        File.WriteAllText(
            Path.Combine(partial, "set.json"),
            JsonSerializer.Serialize(manifest, PlatformJson.Options)
        );
        Directory.Move(partial, folder);
        return folder;
    }

    /// <summary>
    /// Evaluates a set by leave-one-out and writes calibration.json into its folder: each reference in turn is the test image, with its labels
    /// degraded to Dice from 1 down to 0, and the others predict their Dice.
    /// </summary>
    /// <param name="setDir">The set's folder.</param>
    /// <param name="progress">Told how many references are done.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="InvalidDataException">The set is damaged, or has a single reference.</exception>
    public static async Task<Calibration> CalibrateAsync(
        string setDir,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        var set = await ReferenceSet.FromFolderAsync(setDir, cancellationToken);
        if (set.References.Count < 2)
        {
            throw new InvalidDataException(
                "a set of one reference cannot be evaluated by leave-one-out"
            );
        }
        var samples = new List<CalibrationSample>();
        for (var n = 0; n < set.References.Count; n++)
        {
            var held = set.References[n];
            var file = set
                .Manifest.Files.Where(f => f.Name.Contains(".image.", StringComparison.Ordinal))
                .ElementAt(n);
            using var stream = File.OpenRead(Path.Combine(setDir, file.Name));
            var image = NiftiReader.ReadImage(stream);
            var propagated = new ReverseClassifier(
                set.Without(held),
                Environment.ProcessorCount
            ).Register(image, cancellationToken);
            samples.AddRange(Sample(propagated, n, held.Labels));
            progress?.Report(n + 1);
        }
        var calibration = Calibration.Fit(samples);
        await File.WriteAllTextAsync(
            Path.Combine(setDir, ReferenceSet.CalibrationFile),
            JsonSerializer.Serialize(calibration, PlatformJson.Options),
            cancellationToken
        );
        return calibration;
    }

    /// <summary>What references say of degraded segmentations of one image with known labels, beside what they are.</summary>
    /// <param name="propagated">The references, registered with the image.</param>
    /// <param name="number">Identifies the image and draws the errors.</param>
    /// <param name="truth">The image's own labels.</param>
    public static IReadOnlyList<CalibrationSample> Sample(
        PropagatedReferences propagated,
        int number,
        Volume<byte> truth
    )
    {
        var samples = new List<CalibrationSample>();
        for (var n = 0; n < Severities.Length; n++)
        {
            var degraded = SegmentationDegrader.Degrade(truth, Severities[n], 1000 * number + n);
            var real = LabelMeasures
                .Overlaps(truth, degraded)
                .Where(overlap => overlap.First > 0)
                .ToDictionary(overlap => overlap.Label, overlap => overlap.Dice);
            foreach (var (label, scores) in propagated.Score(degraded))
            {
                if (real.TryGetValue(label, out var dice))
                {
                    samples.Add(new(number, label, StructureScore.Of(scores), dice));
                }
            }
        }
        return samples;
    }

    private static (Volume<float> Image, Volume<byte> Labels) ReadPair(string imagePath, int number)
    {
        var partner = Path.GetFileName(imagePath).Split(".image.nii")[0] + ".labels.nii";
        var labelsPath =
            Directory
                .EnumerateFiles(Path.GetDirectoryName(imagePath)!, partner + "*")
                .FirstOrDefault()
            ?? throw new InvalidDataException($"image {number} has no labels beside it");
        using var imageStream = File.OpenRead(imagePath);
        using var labelsStream = File.OpenRead(labelsPath);
        var image = Orienter.ToOrientation(NiftiReader.ReadImage(imageStream), "RAS");
        var labels = Orienter.ToOrientation(NiftiReader.ReadLabels(labelsStream), "RAS");
        if (!image.Geometry.IsCloseTo(labels.Geometry, 0.01))
        {
            throw new InvalidDataException($"image {number} and its labels are on two grids");
        }
        if (image.Geometry.VoxelCount > MostVoxels)
        {
            var grid = Resampler.ToSpacing(image.Geometry, (2, 2, 2));
            image = Resampler.Linear(image, grid);
            labels = Resampler.Nearest(labels, grid);
        }
        return (image, labels);
    }

    private static ReferenceSetFile Write<T>(string folder, string name, Volume<T> volume)
        where T : unmanaged
    {
        using var bytes = new MemoryStream();
        NiftiWriter.Write(bytes, volume, NiftiCompression.Zstd);
        File.WriteAllBytes(Path.Combine(folder, name), bytes.ToArray());
        return new(name, Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray())));
    }
}
