using Platform.Imaging;

namespace Platform.Inference;

/// <summary>The axis along which slices lie: the one of largest spacing, the last of several.</summary>
public static class SliceAxis
{
    /// <summary>An orientation of a network's input: the axis of slices last, whatever it is in the body; the others ascend towards right, anterior, superior.</summary>
    public const string Last = "slices-last";

    /// <summary>0, 1 or 2.</summary>
    public static int Of(VolumeGeometry geometry)
    {
        var (i, j, k) = geometry.Spacing;
        return k >= i && k >= j ? 2
            : j >= i ? 1
            : 0;
    }

    /// <summary>The orientation in which slices lie along k: axial, coronal or sagittal ones.</summary>
    public static string OrientationOf(VolumeGeometry geometry) =>
        geometry.Orientation[Of(geometry)] switch
        {
            'S' or 'I' => "RAS",
            'A' or 'P' => "RSA",
            _ => "ASR",
        };
}
