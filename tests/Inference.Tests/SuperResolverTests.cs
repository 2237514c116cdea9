using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Inference.Tests;

public sealed class SuperResolverTests
{
    [Theory]
    [InlineData("RAS")]
    [InlineData("RSA")]
    [InlineData("SAR")]
    [InlineData("LPI")]
    [InlineData("IPR")]
    public void The_thick_axis_gets_four_slices_for_one_and_the_field_of_view_stays(
        string orientation
    )
    {
        var thick = Orienter.ToOrientation(
            VolumeGeometry.Ras((20, 18, 7), (1, 1.2, 4), (5, 6, 7)),
            orientation
        );
        var fine = SuperResolver.FineGeometry(thick, 4);
        Assert.Equal(4L * thick.VoxelCount, fine.VoxelCount);
        Assert.Equal(thick.VoxelVolume / 4, fine.VoxelVolume, 9);
        var axis = orientation.IndexOfAny(['S', 'I']);
        Assert.Equal(1, new[] { fine.Spacing.I, fine.Spacing.J, fine.Spacing.K }[axis], 9);
        // Slice 0 of slice 0 lies 3/8 of a thick slice before its centre; the outer edges agree.
        var (z0, _) = (World(thick, axis, 0), World(fine, axis, 0));
        Assert.Equal(World(thick, axis, -0.5), World(fine, axis, -0.5), 9);
        Assert.Equal(1.5, Math.Abs(z0 - World(fine, axis, 0)), 9);
        Assert.Equal(World(thick, axis, 6.5), World(fine, axis, 27.5), 9);
    }

    [Theory]
    [InlineData("RAS")]
    [InlineData("RSA")]
    [InlineData("SPL")]
    public void Without_a_residual_the_result_is_the_cubic_interpolation(string orientation)
    {
        var image = Smooth(orientation);
        var result = SuperResolve(TinyNetwork.Slices(0, 0, 0, 0), image);
        var cubic = Resampler.CubicBSpline(image, SuperResolver.FineGeometry(image.Geometry, 4));
        Assert.Equal(cubic.Geometry, result.Geometry);
        for (var n = 0; n < cubic.Voxels.Length; n++)
        {
            Assert.Equal(Math.Max(cubic.Voxels[n], image.Voxels.Min()), result.Voxels[n], 1e-3);
        }
    }

    [Theory]
    [InlineData("RAS")]
    [InlineData("LSA")]
    [InlineData("SPL")]
    public void The_residual_of_fine_slice_f_lands_there_in_the_images_units(string orientation)
    {
        // The network's residual is its normalised input times 0.01·f: nothing on slice 0, most on slice 3.
        var image = Smooth(orientation);
        var plain = SuperResolve(TinyNetwork.Slices(0, 0, 0, 0), image);
        var result = SuperResolve(TinyNetwork.Slices(0, 0.01f, 0.02f, 0.03f), image);
        var ras = Orienter.ToOrientation(image, "RAS");
        var (a, b) = (Orienter.ToOrientation(plain, "RAS"), Orienter.ToOrientation(result, "RAS"));
        var (_, low, high, mean, _) = Normaliser.Measure(ras.Voxels, 1, 99);
        foreach (var (i, j, k) in new[] { (10, 10, 3), (14, 8, 2), (9, 12, 5) })
        {
            for (var f = 0; f < 4; f++)
            {
                var expected = 0.01 * f * (Math.Clamp(ras[i, j, k], low, high) - mean);
                var actual = b[i, j, 4 * k + f] - a[i, j, 4 * k + f];
                Assert.Equal(expected, actual, 0.5);
            }
        }
    }

    [Fact]
    public void Nothing_falls_below_the_images_minimum()
    {
        var image = Smooth("RAS");
        var result = SuperResolve(TinyNetwork.Slices(-9, -9, 9, 9), image);
        Assert.Equal(image.Voxels.Min(), result.Voxels.Min());
    }

    [Theory]
    [InlineData("RAS")]
    [InlineData("SPL")]
    public void A_second_output_is_the_error_that_is_expected_in_the_images_units(
        string orientation
    )
    {
        var image = Smooth(orientation);
        using var model = Model(TinyNetwork.UncertainSlices(4, 0.25f));
        var resolver = new SuperResolver(model);
        var prepared = resolver.Prepare(image);
        var raw = resolver.Infer(prepared, default);
        var expected = resolver.Uncertainty(image, raw)!;
        Assert.Equal(resolver.Restore(image, raw).Geometry, expected.Geometry);
        Assert.Equal(0.25 * prepared.Deviation, expected.Voxels.Max(), 1e-3 * prepared.Deviation);
        using var silent = Model(TinyNetwork.Slices(0, 0, 0, 0));
        Assert.Null(
            new SuperResolver(silent).Uncertainty(
                image,
                new SuperResolver(silent).Infer(prepared, default)
            )
        );
    }

    [Fact]
    public void The_deviation_is_none_where_thin_slices_say_what_was_acquired_and_what_was_added_where_they_do_not()
    {
        foreach (var orientation in new[] { "RAS", "RSA", "ASR" })
        {
            var image = Smooth(orientation);
            var axis = SliceAxis.Of(image.Geometry);
            // Constant along the slices: every profile sees the same.
            var even = new Volume<float>(image.Geometry);
            var fine = new Volume<float>(SuperResolver.FineGeometry(image.Geometry, 4));
            Fill(even, axis);
            Fill(fine, axis);
            Assert.Equal(0, SliceProfile.Deviation(even, fine, 4, 1), 6);
            var deviation = Math.Sqrt(Variance(even.Voxels));
            var off = new Volume<float>(fine.Geometry, [.. fine.Voxels.Select(v => v + 3)]);
            Assert.Equal(3 / deviation, SliceProfile.Deviation(even, off, 4, 1), 5);
        }

        static void Fill(Volume<float> volume, int axis)
        {
            var (si, sj, sk) = volume.Geometry.Shape;
            for (var k = 0; k < sk; k++)
            {
                for (var j = 0; j < sj; j++)
                {
                    for (var i = 0; i < si; i++)
                    {
                        volume[i, j, k] =
                            (axis == 0 ? 0 : i) + (axis == 1 ? 0 : 7 * j) + (axis == 2 ? 0 : 3 * k);
                    }
                }
            }
        }

        static double Variance(float[] values)
        {
            var mean = values.Average(v => (double)v);
            return values.Average(v => (v - mean) * (v - mean));
        }
    }

    private static Volume<float> SuperResolve(byte[] onnx, Volume<float> image)
    {
        using var model = Model(onnx);
        return new SuperResolver(model).Run(image).Volume;
    }

    private static OnnxModel Model(byte[] onnx)
    {
        var manifest = Manifests.Segmentation(onnx) with
        {
            Task = ModelTask.SuperResolution,
            Labels = [],
            SuperResolution = new SuperResolutionSettings { Factor = 4, SliceProfileFwhm = 1 },
        };
        manifest = manifest with { Input = manifest.Input with { SpacingMm = null } };
        return new OnnxModel(Manifests.Package(manifest, onnx));
    }

    private static Volume<float> Smooth(string orientation)
    {
        var image = new Volume<float>(VolumeGeometry.Ras((23, 21, 8), (1, 1, 4)));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (i, j, k) = (n % 23, n / 23 % 21, n / (23 * 21));
            image.Voxels[n] =
                500 + (float)(300 * Math.Sin(i / 4.0) * Math.Cos(j / 5.0) * Math.Sin(1 + k / 2.0));
        }
        return Orienter.ToOrientation(image, orientation);
    }

    private static double World(VolumeGeometry geometry, int axis, double at)
    {
        var index = new double[3];
        index[axis] = at;
        return geometry.ToWorld(index[0], index[1], index[2]).Z;
    }
}
