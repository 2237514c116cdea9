using System.Globalization;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>A volume's planes as images: rows run along i, columns along j (PS3.3 section C.7.6.2).</summary>
internal static class ImagePlane
{
    /// <summary>Cosine of the angle between rows and columns from which on a grid is sheared: DICOM's planes are rectangular.</summary>
    private const double MostShear = 1e-4;

    /// <summary>Directions of the rows and of the columns in LPS, and the distance between planes along their normal in mm.</summary>
    /// <exception cref="VolumeException">BadGeometry where rows and columns are not at right angles.</exception>
    public static (double[] Across, double[] Down, double Along) Axes(VolumeGeometry geometry)
    {
        var affine = geometry.Affine;
        double[] Direction(ReadOnlySpan<double> a, int column, double length) =>
            [-a[column] / length, -a[4 + column] / length, a[8 + column] / length];
        var across = Direction(affine, 0, geometry.Spacing.I);
        var down = Direction(affine, 1, geometry.Spacing.J);
        var shear = across[0] * down[0] + across[1] * down[1] + across[2] * down[2];
        if (Math.Abs(shear) > MostShear)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"rows and columns of the image meet at {Math.Acos(shear) * 180 / Math.PI:f2} degrees, those of a DICOM image at 90"
                )
            );
        }
        var area = geometry.Spacing.I * geometry.Spacing.J;
        return (across, down, geometry.VoxelVolume / area);
    }
}

/// <summary>Text for attributes of limited length.</summary>
internal static class Text
{
    /// <summary>Longest value of LO.</summary>
    private const int Longest = 64;

    /// <summary>Cut to what LO holds.</summary>
    public static string Fit(string text) => text.Length <= Longest ? text : text[..Longest];
}
