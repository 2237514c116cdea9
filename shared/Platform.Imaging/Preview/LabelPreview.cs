namespace Platform.Imaging;

/// <summary>
/// A picture of labels over their scan: axial, coronal and sagittal planes through the labels' centroid, side by side. Radiological convention:
/// the patient's right is on the viewer's left (axial, coronal), anterior is up (axial) or left (sagittal), superior is up. Pixels are square in
/// mm, all planes at one scale. No caption, no patient data.
/// </summary>
public static class LabelPreview
{
    private const int LeastHeight = 360;
    private const int MostHeight = 1024;
    private const int Gap = 8;
    private const double Fill = 0.4;
    private const double Outline = 0.9;

    /// <summary>Renders to PNG bytes, at least 360 pixels high.</summary>
    /// <param name="image">Any orientation; shown between its 1st and 99th percentile.</param>
    /// <param name="labels">Any grid that overlaps the image's; the centre of the image is shown where there is no label.</param>
    public static byte[] Render(Volume<float> image, Volume<byte> labels)
    {
        var scan = Orienter.ToOrientation(image, "RAS");
        var map = labels.Geometry.IsCloseTo(image.Geometry)
            ? Orienter.ToOrientation(labels, "RAS")
            : Resampler.Nearest(labels, scan.Geometry);
        var window = Intensities.Percentiles(scan.Voxels, 1, 99);
        var (ci, cj, ck) = Centroid(map);
        var (ni, nj, nk) = scan.Geometry.Shape;
        var (si, sj, sk) = scan.Geometry.Spacing;
        Plane[] planes =
        [
            new(ni, nj, si, sj, (x, y) => (x, y, ck)),
            new(ni, nk, si, sk, (x, y) => (x, cj, y)),
            new(nj, nk, sj, sk, (x, y) => (ci, x, y)),
        ];
        var tallest = planes.Max(plane => plane.HeightMm);
        var finest = Math.Min(si, Math.Min(sj, sk));
        var height = (int)Math.Clamp(Math.Round(tallest / finest), LeastHeight, MostHeight);
        var mm = tallest / height;
        var widths = planes.Select(p => Math.Max(1, (int)Math.Round(p.WidthMm / mm))).ToArray();
        var width = widths.Sum() + 2 * Gap;
        var rgb = new byte[width * height * 3];
        var left = 0;
        for (var n = 0; n < planes.Length; n++)
        {
            Draw(planes[n], scan, map, window, mm, rgb, width, height, left, widths[n]);
            left += widths[n] + Gap;
        }
        using var png = new MemoryStream();
        PngWriter.Write(png, width, height, rgb);
        return png.ToArray();
    }

    /// <summary>A plane: voxels across and upwards, their spacing in mm, and where a voxel of it lies in the volume.</summary>
    private sealed record Plane(
        int Across,
        int Up,
        double AcrossMm,
        double UpMm,
        Func<int, int, (int I, int J, int K)> Voxel
    )
    {
        public double WidthMm => Across * AcrossMm;

        public double HeightMm => Up * UpMm;
    }

    private static void Draw(
        Plane plane,
        Volume<float> scan,
        Volume<byte> labels,
        float[] window,
        double mm,
        byte[] rgb,
        int imageWidth,
        int imageHeight,
        int left,
        int width
    )
    {
        var height = Math.Min(imageHeight, Math.Max(1, (int)Math.Round(plane.HeightMm / mm)));
        var top = (imageHeight - height) / 2;
        var scale = window[1] > window[0] ? 255 / (window[1] - window[0]) : 0;
        byte Label(int x, int y)
        {
            var (i, j, k) = plane.Voxel(
                Nearest(width - 1 - Math.Clamp(x, 0, width - 1), mm / plane.AcrossMm, plane.Across),
                Nearest(height - 1 - Math.Clamp(y, 0, height - 1), mm / plane.UpMm, plane.Up)
            );
            return labels[i, j, k];
        }
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                // Axes grow right to left and bottom to top: index axes run towards R, A, S.
                var value = Bilinear(
                    plane,
                    scan,
                    (width - 1 - x + 0.5) * mm / plane.AcrossMm - 0.5,
                    (height - 1 - y + 0.5) * mm / plane.UpMm - 0.5
                );
                var grey = Math.Clamp((value - window[0]) * scale, 0, 255);
                var label = Label(x, y);
                var edge =
                    label != Label(x - 1, y)
                    || label != Label(x + 1, y)
                    || label != Label(x, y - 1)
                    || label != Label(x, y + 1);
                var opacity =
                    label == 0 ? 0
                    : edge ? Outline
                    : Fill;
                var (red, green, blue) = LabelColours.Of(label);
                var at = 3 * ((top + y) * imageWidth + left + x);
                rgb[at] = Mix(grey, red, opacity);
                rgb[at + 1] = Mix(grey, green, opacity);
                rgb[at + 2] = Mix(grey, blue, opacity);
            }
        }
    }

    private static byte Mix(double grey, byte colour, double opacity) =>
        (byte)Math.Round(grey + (colour - grey) * opacity);

    private static int Nearest(int pixel, double step, int count) =>
        Math.Clamp((int)((pixel + 0.5) * step), 0, count - 1);

    private static double Bilinear(Plane plane, Volume<float> scan, double x, double y)
    {
        x = Math.Clamp(x, 0, plane.Across - 1);
        y = Math.Clamp(y, 0, plane.Up - 1);
        var (x0, y0) = ((int)x, (int)y);
        var (x1, y1) = (Math.Min(x0 + 1, plane.Across - 1), Math.Min(y0 + 1, plane.Up - 1));
        double At(int across, int up)
        {
            var (i, j, k) = plane.Voxel(across, up);
            return scan[i, j, k];
        }
        var low = At(x0, y0) + (At(x1, y0) - At(x0, y0)) * (x - x0);
        var high = At(x0, y1) + (At(x1, y1) - At(x0, y1)) * (x - x0);
        return low + (high - low) * (y - y0);
    }

    private static (int I, int J, int K) Centroid(Volume<byte> labels)
    {
        var (ni, nj, nk) = labels.Geometry.Shape;
        long count = 0,
            i = 0,
            j = 0,
            k = 0;
        for (var n = 0; n < labels.Voxels.Length; n++)
        {
            if (labels.Voxels[n] != 0)
            {
                count++;
                i += n % ni;
                j += n / ni % nj;
                k += n / ni / nj;
            }
        }
        return count == 0
            ? (ni / 2, nj / 2, nk / 2)
            : ((int)(i / count), (int)(j / count), (int)(k / count));
    }
}
