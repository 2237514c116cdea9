using Platform.Imaging;
using Platform.Testing;

namespace Training.Tests;

/// <summary>
/// A small body with a bright and a dark nodule, labelled 10 and 12, somewhat elsewhere and of other sizes for every seed: what a network of a
/// few seconds can learn.
/// </summary>
internal static class Nodules
{
    public const byte Bright = 10,
        Dark = 12;

    private const int Edge = 24;

    public static (Volume<float> Image, Volume<byte> Labels) Subject(int seed)
    {
        var random = new Random(seed);
        var geometry = VolumeGeometry.Ras((Edge, Edge, Edge), (2, 2, 2));
        var (image, labels) = (new Volume<float>(geometry), new Volume<byte>(geometry));
        var (bright, dark) = (Ellipsoid(7, 12, 12), Ellipsoid(16, 11, 12));
        for (int k = 0, n = 0; k < Edge; k++)
        {
            for (var j = 0; j < Edge; j++)
            {
                for (var i = 0; i < Edge; i++, n++)
                {
                    double x = i - 11.5,
                        y = j - 11.5,
                        z = k - 11.5;
                    if (x * x + y * y + z * z > 11 * 11)
                    {
                        continue;
                    }
                    labels.Voxels[n] =
                        bright(i, j, k) ? Bright
                        : dark(i, j, k) ? Dark
                        : (byte)0;
                    var value = labels.Voxels[n] switch
                    {
                        Bright => 150,
                        Dark => 60,
                        _ => 100,
                    };
                    image.Voxels[n] = value + 16 * (float)(random.NextDouble() - 0.5);
                }
            }
        }
        return (image, labels);

        Func<int, int, int, bool> Ellipsoid(double i, double j, double k)
        {
            double[] centre = [i + Within(1), j + Within(1), k + Within(1)];
            double[] radii = [3.5 + Within(0.5), 4.5 + Within(0.5), 4.5 + Within(0.5)];
            return (x, y, z) =>
                Square((x - centre[0]) / radii[0])
                    + Square((y - centre[1]) / radii[1])
                    + Square((z - centre[2]) / radii[2])
                <= 1;
        }

        double Within(double most) => most * (2 * random.NextDouble() - 1);
        static double Square(double x) => x * x;
    }

    /// <summary>Writes pairs 1 … count, as a person might have them.</summary>
    public static void Write(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        for (var seed = 1; seed <= count; seed++)
        {
            var (image, labels) = Subject(seed);
            using var imageFile = File.Create(Path.Combine(folder, $"{seed}.image.nii"));
            NiftiWriter.Write(imageFile, image);
            using var labelFile = File.Create(Path.Combine(folder, $"{seed}.labels.nii"));
            NiftiWriter.Write(labelFile, labels);
        }
    }
}
