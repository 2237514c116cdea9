namespace Platform.Imaging.Tests;

public class PreviewTests
{
    [Fact]
    public void A_png_is_read_back_pixel_by_pixel_by_an_independent_reader()
    {
        var random = new Random(1);
        var rgb = new byte[31 * 17 * 3];
        random.NextBytes(rgb);
        using var oracle = new PythonOracle();
        using (var file = File.Create(oracle.PathOf("x.png")))
        {
            PngWriter.Write(file, 31, 17, rgb);
        }
        oracle.Run("png.py", "x.png", "x.rgb");
        Assert.Equal(rgb, File.ReadAllBytes(oracle.PathOf("x.rgb")));
    }

    [Fact]
    public void A_label_on_the_patients_right_is_drawn_on_the_viewers_left_whatever_the_orientation()
    {
        var geometry = VolumeGeometry.Ras((60, 70, 50), (2, 2, 3));
        var image = Phantoms.Noise(geometry, 1);
        image.Voxels.AsSpan().Fill(100);
        (image.Voxels[0], image.Voxels[1]) = (0, 200);
        var labels = new Volume<byte>(geometry);
        // A long bar across, to the right of the middle; its centroid's planes all meet it.
        for (var i = 40; i < 56; i++)
        {
            labels[i, 50, 40] = 1;
            labels[i, 51, 41] = 1;
        }
        var png = LabelPreview.Render(image, labels);
        Assert.Equal(png, LabelPreview.Render(image, labels));
        var (width, height, rgb) = Decode(png);
        Assert.True(height >= 300);
        var axial = Coloured(rgb, width, 0, (int)(60.0 * 2 / 150 * height));
        Assert.InRange(axial.MeanX / (60.0 * 2 / 150 * height), 0.1, 0.4);
        Assert.InRange(axial.MeanY / height, 0.2, 0.4);
        foreach (var other in new[] { "LPS", "SAR" })
        {
            var turned = LabelPreview.Render(
                Orienter.ToOrientation(image, other),
                Orienter.ToOrientation(labels, other)
            );
            Assert.Equal(png, turned);
        }
    }

    private static (int Width, int Height, byte[] Rgb) Decode(byte[] png)
    {
        using var oracle = new PythonOracle();
        File.WriteAllBytes(oracle.PathOf("x.png"), png);
        var size = oracle.Run("png.py", "x.png", "x.rgb").Split();
        return (
            int.Parse(size[0], System.Globalization.CultureInfo.InvariantCulture),
            int.Parse(size[1], System.Globalization.CultureInfo.InvariantCulture),
            File.ReadAllBytes(oracle.PathOf("x.rgb"))
        );
    }

    private static (double MeanX, double MeanY) Coloured(byte[] rgb, int width, int from, int to)
    {
        double x = 0,
            y = 0,
            count = 0;
        for (var n = 0; n < rgb.Length / 3; n++)
        {
            if (n % width >= from && n % width < to && rgb[3 * n] != rgb[3 * n + 1])
            {
                x += n % width - from;
                y += n / width;
                count++;
            }
        }
        Assert.NotEqual(0, count);
        return (x / count, y / count);
    }
}
