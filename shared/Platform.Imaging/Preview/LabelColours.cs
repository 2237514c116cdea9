namespace Platform.Imaging;

/// <summary>One fixed colour a label value, the same in every picture; neighbouring values are far apart in hue (the golden angle).</summary>
public static class LabelColours
{
    /// <summary>Red, green, blue of a label; 0 (background) is black.</summary>
    public static (byte Red, byte Green, byte Blue) Of(byte label)
    {
        if (label == 0)
        {
            return default;
        }
        var hue = label * 137.50776405 % 360;
        var saturation = label % 3 == 2 ? 0.55 : 0.8;
        var value = label % 2 == 1 ? 1.0 : 0.85;
        return (Channel(5), Channel(3), Channel(1));

        byte Channel(int n)
        {
            var k = (n + hue / 60) % 6;
            return (byte)
                Math.Round(255 * value * (1 - saturation * Math.Clamp(Math.Min(k, 4 - k), 0, 1)));
        }
    }
}
