using Platform.Imaging;

namespace Platform.Qc.Tests;

/// <summary>The ways a segmentation goes wrong.</summary>
internal static class Ruin
{
    /// <summary>Every label moved along i.</summary>
    public static Volume<byte> Shift(Volume<byte> labels, double mm)
    {
        var shifted = new Volume<byte>(labels.Geometry);
        var (shape, by) = (labels.Geometry.Shape, (int)Math.Round(mm / labels.Geometry.Spacing.I));
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = by; i < shape.I; i++)
                {
                    shifted[i, j, k] = labels[i - by, j, k];
                }
            }
        }
        return shifted;
    }

    /// <summary>One label grown over its neighbours.</summary>
    public static Volume<byte> Dilate(Volume<byte> labels, byte label, double mm)
    {
        var mask = new Volume<byte>(
            labels.Geometry,
            [.. labels.Voxels.Select(v => v == label ? (byte)1 : (byte)0)]
        );
        var distance = DistanceTransform.ToMask(mask);
        return Replace(labels, (n, v) => distance.Voxels[n] <= mm ? label : v);
    }

    public static Volume<byte> Drop(Volume<byte> labels, params byte[] lost) =>
        Replace(labels, (_, v) => lost.Contains(v) ? (byte)0 : v);

    public static Volume<byte> Swap(Volume<byte> labels, byte a, byte b) =>
        Replace(
            labels,
            (_, v) =>
                v == a ? b
                : v == b ? a
                : v
        );

    private static Volume<byte> Replace(Volume<byte> labels, Func<int, byte, byte> value) =>
        new(labels.Geometry, [.. labels.Voxels.Select((v, n) => value(n, v))]);
}
