using Platform.Contracts;
using Platform.Imaging;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>An image with known labels: a crop around one hippocampus, about 35×51×35 mm at 1 mm (1 anterior, 2 posterior), or a brain.</summary>
sealed record LabelledScan(Volume<float> Image, Volume<byte> Labels);

/// <summary>The 130 crops of PLATFORM_DATA, split once for all: 100 references, the other 30 are test cases and nothing is fitted or tuned on them.</summary>
sealed record HippocampusData(
    IReadOnlyList<LabelledScan> References,
    IReadOnlyList<LabelledScan> Tests
)
{
    /// <summary>Draws the split.</summary>
    public const int Seed = 20261;

    const int ReferenceCount = 100;

    /// <summary>Reads the crops; null where PLATFORM_DATA has none.</summary>
    public static HippocampusData? Find()
    {
        var data = Environment.GetEnvironmentVariable("PLATFORM_DATA");
        var folder = data is null ? null : Path.Combine(data, "hippocampus");
        if (folder is null || !Directory.Exists(folder))
        {
            return null;
        }
        string[] names =
        [
            .. Directory
                .EnumerateFiles(Path.Combine(folder, "images"))
                .Select(path => Path.GetFileName(path))
                .Order(StringComparer.Ordinal),
        ];
        new Random(Seed).Shuffle(names);
        LabelledScan[] crops = [.. names.Select(name => Read(folder, name))];
        return new(crops[..ReferenceCount], crops[ReferenceCount..]);
    }

    /// <summary>A reference set of crops, with the registration small crops want.</summary>
    public static ReferenceSet Set(IEnumerable<LabelledScan> crops) =>
        ReferenceSet.Prepare(
            new ReferenceSetManifest
            {
                Name = "hippocampus",
                Version = "1",
                Description = "Crops of PLATFORM_DATA, with an expert's labels.",
                Files = [],
                Registration = Registration,
            },
            [.. crops.Select(crop => (crop.Image, crop.Labels))]
        );

    /// <summary>Found by leave-one-out among the references, six of them as test images: overlap of warped labels, then time.</summary>
    public static RegistrationSettings Registration { get; } =
        new()
        {
            SpacingsMm = [2, 1.5],
            AffineIterations = [10],
            DeformableIterations = [12, 6],
            LargestShiftMm = 5,
            Starts = 1,
            MaskMarginMm = 6,
            FluidSigma = 1.5,
        };

    static LabelledScan Read(string folder, string name)
    {
        using var image = File.OpenRead(Path.Combine(folder, "images", name));
        using var labels = File.OpenRead(Path.Combine(folder, "labels", name));
        return new(
            Orienter.ToOrientation(NiftiReader.ReadImage(image), "RAS"),
            Orienter.ToOrientation(NiftiReader.ReadLabels(labels), "RAS")
        );
    }
}
