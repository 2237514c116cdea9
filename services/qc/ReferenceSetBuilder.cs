using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;
using Platform.Imaging;

namespace Platform.Qc;

/// <summary>Makes reference sets of image and label pairs.</summary>
public static class ReferenceSetBuilder
{
    /// <summary>
    /// Severities of the degraded segmentations a reference is evaluated with: real Dice from about 0.95 down to 0. Perfect labels are not
    /// among them: no model's output is, and they would have every good one predicted 1.
    /// </summary>
    internal static readonly double[] Severities =
    [
        0.1,
        0.18,
        0.25,
        0.33,
        0.42,
        0.52,
        0.65,
        0.8,
        1,
    ];

    /// <summary>Voxels above which a pair is brought to 2 mm: registration needs no more, and each reference stays in memory.</summary>
    private const long MostVoxels = 2_000_000;

    // Indented, and apostrophes as they are: people read this file.
    private static readonly JsonSerializerOptions SetOptions = new(PlatformJson.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // A misspelled setting must not be passed over.
    private static readonly JsonSerializerOptions StrictOptions = new(PlatformJson.Options)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Adds a reference to a set that is not evaluated yet, or begins one.</summary>
    /// <param name="setDir">…/{name}/{version}; made where missing. Its two names are the set's.</param>
    /// <param name="imagePath">A NIfTI image. Its name is not taken over.</param>
    /// <param name="labelsPath">Labels on the image's grid with the model's output values, 1–255.</param>
    /// <param name="registration">How test images are to be registered; null keeps what the set states.</param>
    /// <returns>set.json as it is now.</returns>
    /// <exception cref="InvalidDataException">
    /// Two grids, label values none of which the set has, an image the set has already, or an evaluated set: its calibration would no longer hold.
    /// </exception>
    /// <exception cref="VolumeException">A pair that cannot serve as a reference: constant or non-finite image, no labels.</exception>
    public static ReferenceSetManifest Add(
        string setDir,
        string imagePath,
        string labelsPath,
        RegistrationSettings? registration = null
    )
    {
        var folder = Directory.CreateDirectory(setDir);
        var manifest = (ReadManifest(folder.FullName) ?? Empty("Added scan by scan.")) with
        {
            Name = folder.Parent!.Name,
            Version = folder.Name,
        };
        if (File.Exists(Path.Combine(folder.FullName, ReferenceSet.CalibrationFile)))
        {
            throw new InvalidDataException(
                $"reference set {manifest.Id} is evaluated and never changes: copy it to a new version without {ReferenceSet.CalibrationFile}"
            );
        }
        manifest = manifest with { Registration = registration ?? manifest.Registration };
        return Append(folder.FullName, manifest, ReadPair(imagePath, labelsPath, "the image"));
    }

    /// <summary>Makes a reference set of a folder of pairs.</summary>
    /// <param name="inputDir">Pairs NAME.image.nii[.gz|.zst] and NAME.labels.nii[.gz|.zst]; labels are the model's output values, 1–255. Names are not taken over.</param>
    /// <param name="setDir">…/{name}/{version}, which must not exist. Its two names are the set's.</param>
    /// <param name="registration">How test images are to be registered; null takes what suits an organ or brain at the references' spacing.</param>
    /// <returns>The set's folder.</returns>
    /// <exception cref="InvalidDataException">No pairs, an image without labels, an existing version; the message names the pair by its position.</exception>
    /// <exception cref="VolumeException">A pair that cannot serve as a reference.</exception>
    public static string Build(
        string inputDir,
        string setDir,
        RegistrationSettings? registration = null
    )
    {
        var folder = new DirectoryInfo(setDir);
        var (name, version) = (folder.Parent!.Name, folder.Name);
        if (folder.Exists)
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
        var partial = Directory.CreateTempSubdirectory("references-").FullName;
        try
        {
            var manifest = Empty("Added from a folder.") with
            {
                Name = name,
                Version = version,
                Registration = registration,
            };
            for (var n = 0; n < images.Count; n++)
            {
                var pair = ReadPair(images[n], Partner(images[n], n + 1), $"image {n + 1}");
                manifest = Append(partial, manifest, pair);
            }
            folder.Create();
            // set.json last: a set without it is none.
            foreach (
                var file in Directory
                    .EnumerateFiles(partial)
                    .OrderBy(file => Path.GetFileName(file) == ReferenceSet.ManifestFile)
            )
            {
                File.Move(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
            }
            return folder.FullName;
        }
        finally
        {
            Directory.Delete(partial, recursive: true);
        }
    }

    /// <summary>A file of registration settings, as set.json's <c>registration</c>.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or has a member or value settings do not have; the message says where.</exception>
    public static RegistrationSettings ReadRegistration(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RegistrationSettings>(
                    File.ReadAllText(path),
                    StrictOptions
                ) ?? throw new InvalidDataException("the registration settings are null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"the registration settings cannot be read: {e.Message}",
                e
            );
        }
    }

    /// <summary>set.json of a folder; null where there is none.</summary>
    public static ReferenceSetManifest? ReadManifest(string setDir) =>
        Read<ReferenceSetManifest>(setDir, ReferenceSet.ManifestFile);

    /// <summary>calibration.json of a folder; null where there is none.</summary>
    public static Calibration? ReadCalibration(string setDir) =>
        Read<Calibration>(setDir, ReferenceSet.CalibrationFile);

    /// <summary>Label values of a set in a folder: those of its first reference.</summary>
    public static IReadOnlyList<byte> Structures(string setDir, ReferenceSetManifest manifest)
    {
        if (manifest.Files.FirstOrDefault(file => IsLabels(file.Name)) is not { } first)
        {
            return [];
        }
        using var stream = File.OpenRead(Path.Combine(setDir, first.Name));
        return Values(NiftiReader.ReadLabels(stream));
    }

    internal static void WriteManifest(string setDir, ReferenceSetManifest manifest)
    {
        var path = Path.Combine(setDir, ReferenceSet.ManifestFile);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(manifest, SetOptions) + "\n");
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>What references say of degraded segmentations of one image with known labels, beside what they are.</summary>
    /// <param name="judge">The image, ready to be judged.</param>
    /// <param name="number">Identifies the image and draws the errors.</param>
    /// <param name="truth">The image's own labels.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static IReadOnlyList<CalibrationSample> Sample(
        IReverseCase judge,
        int number,
        Volume<byte> truth,
        CancellationToken cancellationToken = default
    ) => Sample(judge, number, truth, [int.MaxValue], cancellationToken)[0];

    /// <summary>The same for several numbers of references, the first so many of those that judge: one list each.</summary>
    internal static IReadOnlyList<IReadOnlyList<CalibrationSample>> Sample(
        IReverseCase judge,
        int number,
        Volume<byte> truth,
        IEnumerable<int> counts,
        CancellationToken cancellationToken
    )
    {
        var degraded = Enumerable
            .Range(0, Severities.Length)
            .AsParallel()
            .AsOrdered()
            .Select(n => SegmentationDegrader.Degrade(truth, Severities[n], 1000 * number + n))
            .ToList()
            .ConvertAll(labels =>
                (
                    Real: LabelMeasures
                        .Overlaps(truth, labels)
                        .Where(overlap => overlap.First > 0)
                        .ToDictionary(overlap => overlap.Label, overlap => overlap.Dice),
                    References: judge.Compare(labels, cancellationToken)
                )
            );
        return
        [
            .. counts.Select(count =>
                degraded
                    .SelectMany(of =>
                        ReverseScores
                            .ByStructure(of.References.Take(count))
                            .Where(score => of.Real.ContainsKey(score.Key))
                            .Select(score => new CalibrationSample(
                                number,
                                score.Key,
                                StructureScore.Of(score.Value),
                                of.Real[score.Key]
                            ))
                    )
                    .ToList()
            ),
        ];
    }

    private static ReferenceSetManifest Empty(string description) =>
        new()
        {
            Name = "",
            Version = "",
            Description = description,
            Files = [],
        };

    private static ReferenceSetManifest Append(
        string folder,
        ReferenceSetManifest manifest,
        (Volume<float> Image, Volume<byte> Labels) pair
    )
    {
        // Whatever qc would refuse is refused here.
        ReferenceSet.Prepare(manifest, [pair]);
        var image = Bytes(pair.Image);
        var digest = Digest(image);
        if (manifest.Files.FirstOrDefault(file => file.Sha256 == digest) is { } known)
        {
            throw new InvalidDataException($"the set has this image already, as '{known.Name}'");
        }
        var (has, given) = (Structures(folder, manifest), Values(pair.Labels));
        if (has.Count > 0 && !has.Intersect(given).Any())
        {
            throw new InvalidDataException(
                $"the labels' values ({string.Join(", ", given)}) are none of the set's ({string.Join(", ", has)})"
            );
        }
        var number = manifest.Files.Count(file => IsLabels(file.Name)) + 1;
        var labels = Bytes(pair.Labels);
        ReferenceSetFile[] added =
        [
            new($"{number:00}.image.nii.zst", digest),
            new($"{number:00}.labels.nii.zst", Digest(labels)),
        ];
        File.WriteAllBytes(Path.Combine(folder, added[0].Name), image);
        File.WriteAllBytes(Path.Combine(folder, added[1].Name), labels);
        ReferenceFeatures.Store(folder, digest, pair.Image);
        manifest = manifest with { Files = [.. manifest.Files, .. added] };
        WriteManifest(folder, manifest);
        return manifest;
    }

    private static bool IsLabels(string file) =>
        file.EndsWith(".labels.nii.zst", StringComparison.Ordinal);

    private static IReadOnlyList<byte> Values(Volume<byte> labels) =>
        [.. LabelMeasures.Millilitres(labels).Keys.Order()];

    private static string Partner(string imagePath, int number)
    {
        var partner = Path.GetFileName(imagePath).Split(".image.nii")[0] + ".labels.nii";
        return Directory
                .EnumerateFiles(Path.GetDirectoryName(imagePath)!, partner + "*")
                .FirstOrDefault()
            ?? throw new InvalidDataException($"image {number} has no labels beside it");
    }

    private static (Volume<float> Image, Volume<byte> Labels) ReadPair(
        string imagePath,
        string labelsPath,
        string called
    )
    {
        using var imageStream = File.OpenRead(imagePath);
        using var labelsStream = File.OpenRead(labelsPath);
        var image = Orienter.ToOrientation(NiftiReader.ReadImage(imageStream), "RAS");
        var labels = Orienter.ToOrientation(NiftiReader.ReadLabels(labelsStream), "RAS");
        if (!image.Geometry.IsCloseTo(labels.Geometry, 0.01))
        {
            throw new InvalidDataException($"{called} and its labels are on two grids");
        }
        if (image.Geometry.VoxelCount > MostVoxels)
        {
            var grid = Resampler.ToSpacing(image.Geometry, (2, 2, 2));
            image = Resampler.Linear(image, grid);
            labels = Resampler.Nearest(labels, grid);
        }
        return (image, labels);
    }

    private static T? Read<T>(string setDir, string file)
        where T : class
    {
        var path = Path.Combine(setDir, file);
        return File.Exists(path)
            ? JsonSerializer.Deserialize<T>(File.ReadAllText(path), PlatformJson.Options)
            : null;
    }

    private static byte[] Bytes<T>(Volume<T> volume)
        where T : unmanaged
    {
        using var bytes = new MemoryStream();
        NiftiWriter.Write(bytes, volume, NiftiCompression.Zstd);
        return bytes.ToArray();
    }

    private static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
