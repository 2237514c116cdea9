using Platform.Imaging;

namespace Platform.Testing;

/// <summary>
/// A made-up head in RAS world: folded cortex, white matter, ventricles, deep grey nuclei, brain stem, cerebellum, skull and scalp, labelled
/// with FreeSurfer's values and coloured like a T1. A subject is the same head seen through a smooth warp, so the truth is known.
/// </summary>
public static class BrainPhantom
{
    // Label on the left and on the right, T1-like intensity, centre and radii in mm in head coordinates (mirrored in x). Later ones overwrite.
    private static readonly (
        byte Left,
        byte Right,
        float Value,
        double[] Centre,
        double[] Radii
    )[] Parts =
    [
        (8, 47, 70, [22, -58, -36], [27, 27, 22]),
        (4, 43, 22, [8, -10, 20], [6, 27, 11]),
        (10, 49, 88, [11, -16, 7], [9, 14, 9]),
        (11, 50, 78, [14, 12, 12], [6, 14, 11]),
        (12, 51, 82, [26, 4, 3], [7, 16, 11]),
        (17, 53, 74, [28, -22, -13], [7, 19, 8]),
        (16, 16, 98, [0, -28, -38], [12, 13, 27]),
    ];

    /// <summary>Every label a phantom holds.</summary>
    public static IReadOnlyList<byte> Labels { get; } =
    [2, 3, 4, 8, 10, 11, 12, 16, 17, 41, 42, 43, 47, 49, 50, 51, 53];

    /// <summary>Draws the head.</summary>
    /// <param name="geometry">The grid, in RAS world around the head's centre.</param>
    /// <param name="toHead">Where a world point lies in the head, mm.</param>
    /// <param name="seed">Noise.</param>
    /// <param name="gamma">Changes the contrast; 1 leaves it.</param>
    /// <param name="skull">Whether there is anything around the brain.</param>
    public static (Volume<float> Image, Volume<byte> Labels) Draw(
        VolumeGeometry geometry,
        Func<double, double, double, (double X, double Y, double Z)> toHead,
        int seed,
        double gamma = 1,
        bool skull = true
    )
    {
        var (image, labels) = (new Volume<float>(geometry), new Volume<byte>(geometry));
        var random = new Random(seed);
        var n = 0;
        for (var k = 0; k < geometry.Shape.K; k++)
        {
            for (var j = 0; j < geometry.Shape.J; j++)
            {
                for (var i = 0; i < geometry.Shape.I; i++, n++)
                {
                    var (wx, wy, wz) = geometry.ToWorld(i, j, k);
                    var (x, y, z) = toHead(wx, wy, wz);
                    var (label, value) = At(x, y, z, skull);
                    // A slow bias field, then noise of 3 % of white matter.
                    value *= (float)(1 + 0.1 * Math.Sin(wx / 60) * Math.Cos(wy / 80));
                    value = 110 * MathF.Pow(Math.Max(0, value) / 110, (float)gamma);
                    image.Voxels[n] =
                        value == 0
                            ? 0
                            : Math.Max(0, value + 6 * (float)(random.NextDouble() - 0.5));
                    labels.Voxels[n] = label;
                }
            }
        }
        return (image, labels);
    }

    /// <summary>A subject: the head through a warp drawn from the seed, of about the given size in mm.</summary>
    public static (Volume<float> Image, Volume<byte> Labels) Subject(
        int seed,
        double spacing = 2,
        double warpMm = 4,
        double gamma = 1
    ) => Draw(Grid(spacing), Warp(seed, warpMm), seed, gamma);

    /// <summary>A grid that holds the head.</summary>
    public static VolumeGeometry Grid(double spacing) =>
        VolumeGeometry.Ras(
            ((int)(176 / spacing), (int)(212 / spacing), (int)(188 / spacing)),
            (spacing, spacing, spacing),
            (-88, -112, -96)
        );

    /// <summary>World → head: a few degrees and per cent of affine, and smooth waves of 60 to 130 mm; about <paramref name="sizeMm"/> of shift in all.</summary>
    public static Func<double, double, double, (double X, double Y, double Z)> Warp(
        int seed,
        double sizeMm
    )
    {
        var random = new Random(seed);
        double Draw() => 2 * random.NextDouble() - 1;
        var affine = Enumerable.Range(0, 12).Select(_ => Draw()).ToArray();
        var waves = Enumerable
            .Range(0, 6)
            .Select(_ =>
            {
                double[] direction = [Draw(), Draw(), Draw()];
                var length = 60 + 70 * random.NextDouble();
                var norm = Math.Sqrt(direction.Sum(d => d * d));
                return (
                    Wave: direction.Select(d => 2 * Math.PI / length * d / norm).ToArray(),
                    Phase: Math.PI * Draw(),
                    Shift: new[] { Draw(), Draw(), Draw() }
                );
            })
            .ToArray();
        return (x, y, z) =>
        {
            double[] p = [x, y, z];
            double[] q = [x, y, z];
            for (var row = 0; row < 3; row++)
            {
                q[row] += sizeMm * affine[row * 4 + 3];
                for (var column = 0; column < 3; column++)
                {
                    q[row] += 0.012 * sizeMm * affine[row * 4 + column] * p[column];
                }
            }
            foreach (var (wave, phase, shift) in waves)
            {
                var s = Math.Sin(wave[0] * x + wave[1] * y + wave[2] * z + phase);
                for (var row = 0; row < 3; row++)
                {
                    q[row] += 0.35 * sizeMm * s * shift[row];
                }
            }
            return (q[0], q[1], q[2]);
        };
    }

    private static (byte Label, float Value) At(double x, double y, double z, bool skull)
    {
        var right = x >= 0;
        var side = Math.Abs(x);
        for (var n = Parts.Length - 1; n >= 0; n--)
        {
            var (left, rightLabel, value, centre, radii) = Parts[n];
            if (Radius(centre[0] == 0 ? x : side, y, z, centre, radii) <= 1)
            {
                return (right ? rightLabel : left, value);
            }
        }
        // Gyri: the pial and white surfaces wave with the direction from the centre.
        var cerebrum = Radius(side, y, z, [0, -15, 12], [64, 82, 60]);
        var fold =
            0.035
            * (
                Math.Sin(0.17 * y + 0.11 * x)
                + Math.Sin(0.19 * z - 0.08 * y)
                + Math.Sin(0.21 * x + 0.1 * z)
            );
        if (z > -32 && cerebrum <= 1 + fold && side > 1.2)
        {
            return cerebrum <= 0.82 + 2.2 * fold
                ? (right ? (byte)41 : (byte)2, 110)
                : (right ? (byte)42 : (byte)3, 76);
        }
        if (!skull)
        {
            return (0, 0);
        }
        var head = Radius(side, y, z, [0, -14, -4], [72, 92, 82]);
        return head switch
        {
            <= 1.0 => (0, 20),
            <= 1.07 => (0, 8),
            <= 1.13 => (0, 120),
            _ => (0, 0),
        };
    }

    private static double Radius(double x, double y, double z, double[] centre, double[] radii)
    {
        double a = (x - centre[0]) / radii[0],
            b = (y - centre[1]) / radii[1],
            c = (z - centre[2]) / radii[2];
        return Math.Sqrt(a * a + b * b + c * c);
    }
}
