namespace Platform.Dicom;

/// <summary>Colours as DICOM states them: device-independent CIELab of the profile connection space, D50 (PS3.3 section C.10.7.1.1).</summary>
public static class DicomColour
{
    /// <summary>D50, the white of the profile connection space (ICC.1).</summary>
    private static readonly double[] White = [0.9642, 1, 0.8249];

    /// <summary>Linear sRGB to XYZ relative to D50: IEC 61966-2-1's primaries, adapted from D65 by Bradford's method; its rows sum to the white.</summary>
    private static readonly double[,] ToXyz =
    {
        { 0.4360747, 0.3850649, 0.1430804 },
        { 0.2225045, 0.7168786, 0.0606169 },
        { 0.0139322, 0.0971045, 0.7141733 },
    };

    /// <summary>L*, a*, b* of an sRGB colour as the numbers of 0 to 65535 by which DICOM writes 0 to 100, and -128 to 127 (0x8080 is 0).</summary>
    public static uint[] Cielab(byte red, byte green, byte blue)
    {
        double[] linear = [Linear(red), Linear(green), Linear(blue)];
        var f = new double[3];
        for (var row = 0; row < 3; row++)
        {
            var sum = 0.0;
            for (var column = 0; column < 3; column++)
            {
                sum += ToXyz[row, column] * linear[column];
            }
            f[row] = Root(sum / White[row]);
        }
        return
        [
            Scaled(116 * f[1] - 16, 0, 100),
            Scaled(500 * (f[0] - f[1]), -128, 127),
            Scaled(200 * (f[1] - f[2]), -128, 127),
        ];
    }

    /// <summary>IEC 61966-2-1.</summary>
    private static double Linear(byte value)
    {
        var v = value / 255.0;
        return v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4);
    }

    /// <summary>CIE 15: a cube root, linear near black.</summary>
    private static double Root(double t) =>
        t > 216.0 / 24389 ? Math.Cbrt(t) : (24389.0 / 27 * t + 16) / 116;

    private static uint Scaled(double value, double least, double most) =>
        (uint)Math.Round(65535 * (Math.Clamp(value, least, most) - least) / (most - least));
}
