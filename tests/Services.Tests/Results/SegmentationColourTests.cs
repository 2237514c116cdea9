using Platform.Dicom;

namespace Services.Tests.Results;

/// <summary>The recommended colours of segments.</summary>
public sealed class SegmentationColourTests
{
    /// <summary>L*, a*, b* (D50) of the sRGB primaries as colour calculators give them.</summary>
    [Theory]
    [InlineData(255, 255, 255, 100, 0, 0)]
    [InlineData(0, 0, 0, 0, 0, 0)]
    [InlineData(255, 0, 0, 54.29, 80.81, 69.89)]
    [InlineData(0, 255, 0, 87.82, -79.29, 80.99)]
    [InlineData(0, 0, 255, 29.57, 68.30, -112.03)]
    [InlineData(128, 128, 128, 53.59, 0, 0)]
    public void Colours_are_cielab(byte red, byte green, byte blue, double l, double a, double b)
    {
        var colour = DicomColour.Cielab(red, green, blue);
        Assert.Equal(l, colour[0] * 100 / 65535.0, 0.02);
        Assert.Equal(a, colour[1] * 255 / 65535.0 - 128, 0.05);
        Assert.Equal(b, colour[2] * 255 / 65535.0 - 128, 0.05);
    }
}
