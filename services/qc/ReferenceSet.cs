using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>An image with known labels, prepared to be held against any test image.</summary>
/// <param name="Number">Its number in the set, from 1, in the order of the manifest.</param>
/// <param name="Image">The prepared image; its mask is the labelled part.</param>
/// <param name="Labels">The known labels, on the image's grid.</param>
/// <param name="Features">What it is retrieved by: <see cref="ReferenceFeatures.Of"/>.</param>
/// <param name="Context">The image as an atlas forest sees it.</param>
public sealed record Reference(
    int Number,
    FixedImage Image,
    Volume<byte> Labels,
    IReadOnlyList<float> Features,
    ContextImage Context
);

/// <summary>
/// References a model's segmentations are judged by, with everything that does not depend on the test image computed once.
/// About 21 bytes a voxel of memory: 10 MB for a brain at 2 mm.
/// </summary>
public sealed class ReferenceSet
{
    internal const string ManifestFile = "set.json";
    internal const string CalibrationFile = "calibration.json";

    private ReferenceSet(
        ReferenceSetManifest manifest,
        RegistrationOptions registration,
        IReadOnlyList<Reference> references,
        Calibration? calibration
    ) =>
        (Manifest, Registration, References, Calibration) = (
            manifest,
            registration,
            references,
            calibration
        );

    /// <summary>set.json.</summary>
    public ReferenceSetManifest Manifest { get; }

    /// <summary>How test images are registered: as the manifest states, else levels from the references' spacing.</summary>
    public RegistrationOptions Registration { get; }

    /// <summary>The references' spacing, mm: the finest of the coarsest one's axes. Labels are compared at it.</summary>
    public double SpacingMm => Finest(References.Select(reference => reference.Labels.Geometry));

    /// <summary>The references, in the order of the manifest.</summary>
    public IReadOnlyList<Reference> References { get; }

    /// <summary>How many of them judge a test image.</summary>
    public int Consulted => Math.Min(Manifest.Nearest ?? int.MaxValue, References.Count);

    /// <summary>calibration.json; null where the set was never evaluated.</summary>
    public Calibration? Calibration { get; init; }

    /// <summary>The calibration where it was fitted with this classifier; null otherwise: maps of another one's scores would mislead.</summary>
    public Calibration? CalibrationFor(IReverseClassifier classifier) =>
        Calibration?.Classifier == classifier.Name ? Calibration : null;

    /// <summary>Loads a set from a folder.</summary>
    /// <inheritdoc cref="LoadAsync"/>
    public static Task<ReferenceSet> FromFolderAsync(
        string folder,
        CancellationToken cancellationToken = default
    ) => FromFolderAsync(folder, calibrated: true, cancellationToken);

    internal static Task<ReferenceSet> FromFolderAsync(
        string folder,
        bool calibrated,
        CancellationToken cancellationToken
    ) =>
        LoadAsync(
            (file, _) =>
            {
                var path = Path.Combine(folder, file);
                var wanted = calibrated || file != CalibrationFile;
                return Task.FromResult<Stream?>(
                    wanted && File.Exists(path) ? File.OpenRead(path) : null
                );
            },
            cancellationToken
        );

    /// <summary>Loads a set.</summary>
    /// <param name="open">Opens a file of the set; null where there is none.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="InvalidDataException">A file is missing, has another digest, or does not fit its partner.</exception>
    public static async Task<ReferenceSet> LoadAsync(
        Func<string, CancellationToken, Task<Stream?>> open,
        CancellationToken cancellationToken
    )
    {
        var manifest =
            await ReadJsonAsync<ReferenceSetManifest>(open, ManifestFile, cancellationToken)
            ?? throw new InvalidDataException($"the reference set has no {ManifestFile}");
        if (manifest.Nearest < 1)
        {
            throw new InvalidDataException(
                $"set {manifest.Id}: nearest is {manifest.Nearest}, at least 1 is needed"
            );
        }
        var stored = await ReadJsonAsync<ReferenceFeatures>(
            open,
            ReferenceFeatures.File,
            cancellationToken
        );
        var pairs = new List<(Volume<float> Image, Volume<byte> Labels)>();
        var features = new List<IReadOnlyList<float>>();
        foreach (
            var file in manifest.Files.Where(f =>
                f.Name.EndsWith(".image.nii.zst", StringComparison.Ordinal)
            )
        )
        {
            var partner = file.Name.Replace(".image.", ".labels.", StringComparison.Ordinal);
            var labels =
                manifest.Files.FirstOrDefault(f => f.Name == partner)
                ?? throw new InvalidDataException($"set {manifest.Id}: '{partner}' is not listed");
            var image = NiftiReader.ReadImage(await ReadAsync(file));
            pairs.Add((image, NiftiReader.ReadLabels(await ReadAsync(labels))));
            features.Add(
                stored?.Method == ReferenceFeatures.Current
                && stored.Images.TryGetValue(file.Sha256, out var known)
                    ? known
                    : ReferenceFeatures.Of(image)
            );
        }
        var calibration = await ReadJsonAsync<Calibration>(
            open,
            CalibrationFile,
            cancellationToken
        );
        if (calibration is not null && calibration.Nearest != manifest.Nearest)
        {
            throw new InvalidDataException(
                $"set {manifest.Id}: calibration.json is of {calibration.Nearest?.ToString(CultureInfo.InvariantCulture) ?? "all"} nearest references, "
                    + $"set.json states {manifest.Nearest?.ToString(CultureInfo.InvariantCulture) ?? "all"}; evaluate the set again"
            );
        }
        return Prepare(manifest, pairs, features, calibration, cancellationToken);

        async Task<MemoryStream> ReadAsync(ReferenceSetFile file)
        {
            await using var stream =
                await open(file.Name, cancellationToken)
                ?? throw new InvalidDataException($"set {manifest.Id}: '{file.Name}' is missing");
            var bytes = new MemoryStream();
            await stream.CopyToAsync(bytes, cancellationToken);
            bytes.Position = 0;
            var digest = Convert.ToHexStringLower(
                await SHA256.HashDataAsync(bytes, cancellationToken)
            );
            bytes.Position = 0;
            return digest == file.Sha256
                ? bytes
                : throw new InvalidDataException(
                    $"set {manifest.Id}: '{file.Name}' has SHA-256 {digest}, set.json states {file.Sha256}"
                );
        }
    }

    /// <summary>Prepares image and label pairs.</summary>
    /// <exception cref="InvalidDataException">No pair at all.</exception>
    /// <exception cref="VolumeException">A pair of which nothing can be learnt: constant or non-finite image, no labels, two grids.</exception>
    public static ReferenceSet Prepare(
        ReferenceSetManifest manifest,
        IReadOnlyList<(Volume<float> Image, Volume<byte> Labels)> pairs,
        Calibration? calibration = null,
        CancellationToken cancellationToken = default
    ) =>
        Prepare(
            manifest,
            pairs,
            [.. pairs.Select(pair => ReferenceFeatures.Of(pair.Image))],
            calibration,
            cancellationToken
        );

    private static ReferenceSet Prepare(
        ReferenceSetManifest manifest,
        IReadOnlyList<(Volume<float> Image, Volume<byte> Labels)> pairs,
        List<IReadOnlyList<float>> features,
        Calibration? calibration,
        CancellationToken cancellationToken
    )
    {
        if (pairs.Count == 0)
        {
            throw new InvalidDataException($"set {manifest.Id} has no references");
        }
        var finest = Finest(pairs.Select(pair => pair.Image.Geometry));
        var stated = manifest.Registration ?? new();
        var usual = new RegistrationOptions();
        var registration = usual with
        {
            SpacingsMm = stated.SpacingsMm ?? [4 * finest, 2 * finest, finest],
            Similarity =
                stated.Similarity == ImageSimilarity.MutualInformation
                    ? Similarity.MutualInformation
                    : Similarity.LocalCorrelation,
            AffineIterations = stated.AffineIterations ?? usual.AffineIterations,
            DeformableIterations = stated.DeformableIterations ?? usual.DeformableIterations,
            LargestShiftMm = stated.LargestShiftMm,
            Starts = stated.Starts ?? usual.Starts,
            MaskMarginMm = stated.MaskMarginMm ?? 3 * finest,
            FluidSigma = stated.FluidSigma ?? usual.FluidSigma,
        };
        var references = new Reference[pairs.Count];
        try
        {
            Parallel.For(
                0,
                pairs.Count,
                new ParallelOptions
                {
                    CancellationToken = cancellationToken,
                    MaxDegreeOfParallelism = Environment.ProcessorCount,
                },
                n =>
                    references[n] = new Reference(
                        n + 1,
                        FixedImage.Prepare(
                            pairs[n].Image,
                            pairs[n].Labels,
                            registration,
                            cancellationToken
                        ),
                        pairs[n].Labels,
                        features[n],
                        ContextImage.Of(pairs[n].Image)
                    )
            );
        }
        catch (AggregateException e) when (e.GetBaseException() is VolumeException fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }
        return new ReferenceSet(manifest, registration, references, calibration);
    }

    /// <summary>The references a test image is judged by: all, or those most like it, nearest first.</summary>
    /// <param name="image">In RAS.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public IReadOnlyList<Reference> Nearest(Volume<float> image)
    {
        if (Consulted == References.Count)
        {
            return References;
        }
        var features = ReferenceFeatures.Of(image);
        return
        [
            .. References
                .OrderBy(reference => ReferenceFeatures.Distance(reference.Features, features))
                .Take(Consulted),
        ];
    }

    /// <summary>The same set with a reference left out, those most like it first, and so many of them registered: for leave-one-out evaluation.</summary>
    internal ReferenceSet Without(Reference held, int? nearest) =>
        new(
            Manifest with
            {
                Nearest = nearest,
            },
            Registration,
            [
                .. References
                    .Where(reference => reference != held)
                    .OrderBy(reference =>
                        ReferenceFeatures.Distance(reference.Features, held.Features)
                    ),
            ],
            calibration: null
        );

    private static double Finest(IEnumerable<VolumeGeometry> grids) =>
        grids.Max(grid => Math.Min(grid.Spacing.I, Math.Min(grid.Spacing.J, grid.Spacing.K)));

    private static async Task<T?> ReadJsonAsync<T>(
        Func<string, CancellationToken, Task<Stream?>> open,
        string file,
        CancellationToken cancellationToken
    )
        where T : class
    {
        await using var stream = await open(file, cancellationToken);
        return stream is null
            ? null
            : await JsonSerializer.DeserializeAsync<T>(
                stream,
                PlatformJson.Options,
                cancellationToken
            );
    }
}
