using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;

namespace Platform.Qc;

/// <summary>
/// features.json: how each reference looks from afar, so that only those most like a test image are registered with it. Made of the image
/// alone: a test image's labels are what is to be judged, and a bad segmentation must not choose its judges.
/// </summary>
public sealed record ReferenceFeatures
{
    internal const string File = "features.json";

    /// <summary>What <see cref="Of"/> computes; stored features of another method are computed anew.</summary>
    public const string Current = "foreground-8x8x8";

    /// <summary>Cells along each edge of the foreground's box.</summary>
    private const int Cells = 8;

    /// <summary>How the vectors were made.</summary>
    public required string Method { get; init; }

    /// <summary>Vectors by the SHA-256 of the image file they were made of.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<float>> Images { get; init; }

    /// <summary>
    /// The features of an image in RAS: mean intensities of 8×8×8 cells (i fastest) over the box of the foreground, clipped at its percentiles 1
    /// and 99, with mean 0 and norm 1, so that intensity units do not count; then the natural logarithms of the box's edges in mm along i, j, k.
    /// The box leaves out one foreground voxel in a hundred on each side.
    /// </summary>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static IReadOnlyList<float> Of(Volume<float> image)
    {
        var (threshold, lowest, highest, _, _) = Normaliser.Measure(image.Voxels, 1, 99);
        var (shape, spacing) = (image.Geometry.Shape, image.Geometry.Spacing);
        var box = ForegroundBox.Of(image, threshold);
        var (sums, counts) = (new double[Cells * Cells * Cells], new int[Cells * Cells * Cells]);
        for (var k = box[2].First; k < box[2].First + box[2].Size; k++)
        {
            for (var j = box[1].First; j < box[1].First + box[1].Size; j++)
            {
                var row = image.Voxels.AsSpan((k * shape.J + j) * shape.I, shape.I);
                var cells = Cells * (Cell(box[1], j) + Cells * Cell(box[2], k));
                for (var i = box[0].First; i < box[0].First + box[0].Size; i++)
                {
                    var cell = cells + Cell(box[0], i);
                    sums[cell] += Math.Clamp(row[i], lowest, highest);
                    counts[cell]++;
                }
            }
        }
        double[] means = [.. sums.Select((sum, n) => sum / Math.Max(1, counts[n]))];
        var mean = means.Average();
        var norm = Math.Sqrt(means.Sum(m => (m - mean) * (m - mean)));
        double[] edges = [spacing.I, spacing.J, spacing.K];
        return
        [
            .. means.Select(m => Rounded((m - mean) / Math.Max(norm, 1e-9))),
            .. edges.Select((mm, axis) => Rounded(Math.Log(mm * box[axis].Size))),
        ];
    }

    /// <summary>Twice what the patches' correlation lacks to 1, and the squared logarithms of how much larger one box is than the other.</summary>
    public static double Distance(IReadOnlyList<float> a, IReadOnlyList<float> b) =>
        a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum();

    /// <summary>Adds an image to the features of a set's folder.</summary>
    internal static void Store(string folder, string sha256, Volume<float> image)
    {
        var path = Path.Combine(folder, File);
        var known = System.IO.File.Exists(path)
            ? JsonSerializer.Deserialize<ReferenceFeatures>(
                System.IO.File.ReadAllText(path),
                PlatformJson.Options
            )
            : null;
        var images = known?.Method == Current ? known.Images.ToDictionary() : [];
        images[sha256] = Of(image);
        System.IO.File.WriteAllText(
            path,
            JsonSerializer.Serialize(
                new ReferenceFeatures { Method = Current, Images = images },
                PlatformJson.Options
            )
        );
    }

    // The same digits in the file as in memory, on every machine.
    private static float Rounded(double value) => (float)Math.Round(value, 5);

    private static int Cell((int First, int Size) edge, int at) =>
        (at - edge.First) * Cells / edge.Size;
}
