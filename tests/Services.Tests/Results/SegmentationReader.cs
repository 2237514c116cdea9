using System.Text.Json;
using Platform.Imaging;

namespace Services.Tests.Results;

/// <summary>Labels from a DICOM segmentation image as dcmtk reads it, with nothing of the code that wrote it.</summary>
internal static class SegmentationReader
{
    public const uint PerFrame = 0x5200_9230;

    /// <summary>The segment of each frame, from 1.</summary>
    public static IEnumerable<int> Segments(JsonElement image) =>
        image
            .Values(PerFrame)
            .Select(frame => (int)frame.Item(0x0062_000A).Numbers(0x0062_000B)[0]);

    /// <summary>When each frame of a time series is, from 1.</summary>
    public static int Time(JsonElement frame) =>
        (int)frame.Item(0x0020_9111).Numbers(0x0020_9128)[0];

    /// <summary>The labels of one time, from 1, as <see cref="ReadBack(JsonElement, VolumeGeometry, byte[])"/>.</summary>
    public static Volume<byte> ReadBack(
        JsonElement image,
        VolumeGeometry geometry,
        int time,
        byte[] values
    ) => ReadBack(image, geometry, frame => Time(frame) == time, values);

    /// <summary>Puts each set pixel where its frame's plane says it lies, on the grid of <paramref name="geometry"/>: it must meet a voxel's centre.</summary>
    public static Volume<byte> ReadBack(
        JsonElement image,
        VolumeGeometry geometry,
        params byte[] values
    ) => ReadBack(image, geometry, _ => true, values);

    private static Volume<byte> ReadBack(
        JsonElement image,
        VolumeGeometry geometry,
        Func<JsonElement, bool> isWanted,
        byte[] values
    )
    {
        var columns = (int)image.Numbers(0x0028_0011)[0];
        var rows = (int)image.Numbers(0x0028_0010)[0];
        var shared = image.Item(0x5200_9229);
        var axes = shared.Item(0x0020_9116).Numbers(0x0020_0037);
        var measures = shared.Item(0x0028_9110);
        var spacing = measures.Numbers(0x0028_0030);
        Assert.Equal(geometry.Spacing.K, measures.Numbers(0x0018_0088)[0], 1e-9);
        var bits = Convert.FromBase64String(
            image.GetProperty("7FE00010").GetProperty("InlineBinary").GetString()!
        );
        var frames = image.Values(PerFrame);
        Assert.Equal(frames.Count, image.Numbers(0x0028_0008)[0]);
        Assert.Equal((frames.Count * rows * columns + 15) / 16 * 2, bits.Length);
        var inverse = geometry.InverseAffine();
        var labels = new Volume<byte>(geometry);
        foreach (var (n, frame) in frames.Index().Where(one => isWanted(one.Item)))
        {
            var origin = frame.Item(0x0020_9113).Numbers(0x0020_0032);
            var value = values[(int)frame.Item(0x0062_000A).Numbers(0x0062_000B)[0] - 1];
            for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
            {
                var bit = (n * rows + row) * columns + column;
                if ((bits[bit / 8] >> bit % 8 & 1) == 0)
                {
                    continue;
                }
                double At(int axis) =>
                    origin[axis]
                    + axes[axis] * spacing[1] * column
                    + axes[3 + axis] * spacing[0] * row;
                // LPS to RAS.
                var (x, y, z) = (-At(0), -At(1), At(2));
                int Index(int axis)
                {
                    var at = inverse.AsSpan(4 * axis);
                    var index = at[0] * x + at[1] * y + at[2] * z + at[3];
                    Assert.Equal(Math.Round(index), index, 1e-6);
                    return (int)Math.Round(index);
                }
                labels[Index(0), Index(1), Index(2)] = value;
            }
        }
        return labels;
    }
}
