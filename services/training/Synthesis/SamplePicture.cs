using Platform.Imaging;

namespace Platform.Training.Synthesis;

/// <summary>
/// A picture of synthetic heads: of each head the axial slice with most labels, anterior up and the patient's right on the right; every channel
/// side by side, then the first channel with the labels over it, a colour a class. Grey runs from 0 to the slice's 99.5th percentile.
/// </summary>
public static class SamplePicture
{
    /// <summary>Of the classes from 1 on, in turn.</summary>
    private static readonly (byte R, byte G, byte B)[] Labels =
    [
        (255, 64, 64),
        (64, 200, 96),
        (80, 128, 255),
    ];

    /// <summary>Writes a PNG.</summary>
    /// <param name="stream">Left open.</param>
    /// <param name="heads">All of one width and height and with as many channels.</param>
    /// <param name="columns">Heads in a row.</param>
    public static void Write(Stream stream, IReadOnlyList<SyntheticHead> heads, int columns)
    {
        var (wide, high, _) = heads[0].Shape;
        var panels = heads[0].Images.Count + 1;
        var width = columns * panels * wide;
        var height = (heads.Count + columns - 1) / columns * high;
        var pixels = new byte[3 * width * height];
        for (var n = 0; n < heads.Count; n++)
        {
            var head = heads[n];
            var slice = wide * high * SliceOf(head);
            for (var panel = 0; panel < panels; panel++)
            {
                var labelled = panel == panels - 1;
                var image = head.Images[labelled ? 0 : panel].AsSpan(slice, wide * high);
                var white = White(image);
                var (left, top) = ((n % columns * panels + panel) * wide, n / columns * high);
                for (var j = 0; j < high; j++)
                {
                    for (var i = 0; i < wide; i++)
                    {
                        var at = i + wide * (high - 1 - j);
                        var grey = (byte)Math.Clamp(255 * image[at] / white, 0, 255);
                        var label = labelled ? head.Labels[slice + at] : 0;
                        var (r, g, b) =
                            label > 0 ? Labels[(label - 1) % Labels.Length] : (grey, grey, grey);
                        var pixel = 3 * (left + i + width * (top + j));
                        (pixels[pixel], pixels[pixel + 1], pixels[pixel + 2]) = (r, g, b);
                    }
                }
            }
        }
        PngWriter.Write(stream, width, height, pixels);
    }

    private static int SliceOf(SyntheticHead head)
    {
        var plane = head.Shape.I * head.Shape.J;
        return Enumerable
            .Range(0, head.Shape.K)
            .MaxBy(k =>
                head.Labels.AsSpan(plane * k, plane).Length
                - head.Labels.AsSpan(plane * k, plane).Count((byte)0)
            );
    }

    private static float White(ReadOnlySpan<float> image)
    {
        var sorted = image.ToArray();
        Array.Sort(sorted);
        return Math.Max(sorted[(int)(0.995 * (sorted.Length - 1))], float.Epsilon);
    }
}
