using Platform.Imaging.Registration;

namespace Platform.Imaging.Tests.Registration;

public sealed class CropRegistrationTests
{
    private static readonly RegistrationOptions Options = new()
    {
        SpacingsMm = [2, 1.5],
        AffineIterations = [10],
        DeformableIterations = [12, 6],
        LargestShiftMm = 5,
        Starts = 1,
        MaskMarginMm = 6,
        FluidSigma = 1.5,
    };

    [Theory]
    [InlineData(null, 16)]
    [InlineData(6.0, 3)]
    public void A_look_alike_far_away_is_found_only_where_the_search_may_go(
        double? largestMm,
        double expected
    )
    {
        // The nearer one is another's: shorter, and its halves are alike. The one 16 mm away is the very same.
        var grid = VolumeGeometry.Ras((64, 40, 40), (1, 1, 1));
        var (image, mask) = (new Volume<float>(grid), new Volume<byte>(grid));
        Draw(image, mask, 24, 8, 100, 50);
        var moving = new Volume<float>(grid);
        Draw(moving, null, 27, 5, 60, 60);
        Draw(moving, null, 40, 8, 100, 50);
        var options = Options with
        {
            LargestShiftMm = largestMm,
            Starts = 4,
            DeformableIterations = [],
        };
        var result = ImageRegistration.Register(
            FixedImage.Prepare(image, mask, options),
            MovingImage.Prepare(moving, options),
            new RegistrationWorkspace()
        );
        var (x, _, _) = result.Transform.ToMoving(24, 20, 20);
        Assert.Equal(24 + expected, x, 1.5);
    }

    [Fact]
    public void A_real_crop_warped_by_three_millimetres_is_found_to_under_one()
    {
        const string colin = "/usr/share/mricron/templates/ch2bet.nii.gz";
        Assert.True(File.Exists(colin), "apt package mricron-data is needed: " + colin);
        using var stream = File.OpenRead(colin);
        var brain = Resampler.Gaussian(NiftiReader.ReadImage(stream), 0.7);
        var warp = Testing.BrainPhantom.Warp(5, 3);
        var grid = VolumeGeometry.Ras((37, 53, 37), (1, 1, 1), (10, -46, -32));
        var image = Pull(brain, grid, (x, y, z) => (x, y, z));
        var moving = Pull(brain, grid, warp);
        var mask = new Volume<byte>(grid);
        ForEach(
            grid,
            (n, i, j, k) =>
                mask.Voxels[n] =
                    i is > 9 and < 27 && j is > 9 and < 43 && k is > 9 and < 27 ? (byte)1 : (byte)0
        );
        var result = ImageRegistration.Register(
            FixedImage.Prepare(image, mask, Options),
            MovingImage.Prepare(moving, Options),
            new RegistrationWorkspace()
        );
        double before = 0,
            after = 0;
        var count = 0;
        ForEach(
            grid,
            (n, i, j, k) =>
            {
                if (mask.Voxels[n] != 0)
                {
                    var at = grid.ToWorld(i, j, k);
                    var truth = warp(at.X, at.Y, at.Z);
                    before += Distance(truth, at);
                    after += Distance(truth, result.Transform.ToFixed(at.X, at.Y, at.Z));
                    count++;
                }
            }
        );
        Assert.True(before / count > 2, $"the warp is only {before / count:f2} mm");
        Assert.True(after / count < 1, $"{after / count:f2} mm of {before / count:f2} mm are left");
        Assert.True(result.LeastJacobian > 0, $"the map folds: {result.LeastJacobian}");
    }

    [Theory]
    [InlineData(7, 6, 9, 4)]
    [InlineData(13, 7, 6, 1)]
    [InlineData(45, 6, 6, 1)]
    public void A_convolution_is_the_plain_sum_with_the_border_repeated(
        int width,
        int height,
        int depth,
        int components
    )
    {
        var random = new Random(1);
        var field = new float[width * height * depth * components];
        for (var n = 0; n < field.Length; n++)
        {
            field[n] = (float)random.NextDouble();
        }
        float[][] kernels =
        [
            FieldFilter.Gaussian(1.5),
            FieldFilter.Gaussian(0.7),
            FieldFilter.Gaussian(1),
        ];
        var result = (float[])field.Clone();
        FieldFilter.Convolve(
            result,
            new float[field.Length],
            (width, height, depth),
            components,
            kernels[0],
            kernels[1],
            kernels[2]
        );
        float At(int i, int j, int k, int c) =>
            field[
                c
                    + components
                        * (
                            Math.Clamp(i, 0, width - 1)
                            + width
                                * (
                                    Math.Clamp(j, 0, height - 1)
                                    + height * Math.Clamp(k, 0, depth - 1)
                                )
                        )
            ];
        for (var n = 0; n < field.Length; n++)
        {
            var (voxel, c) = Math.DivRem(n, components);
            int i = voxel % width,
                j = voxel / width % height,
                k = voxel / (width * height);
            var sum = 0.0;
            for (var a = 0; a < kernels[0].Length; a++)
            {
                for (var b = 0; b < kernels[1].Length; b++)
                {
                    for (var d = 0; d < kernels[2].Length; d++)
                    {
                        sum +=
                            (double)kernels[0][a]
                            * kernels[1][b]
                            * kernels[2][d]
                            * At(
                                i + a - kernels[0].Length / 2,
                                j + b - kernels[1].Length / 2,
                                k + d - kernels[2].Length / 2,
                                c
                            );
                    }
                }
            }
            Assert.Equal(sum, result[n], 1e-5);
        }
    }

    /// <summary>An ellipsoid at (x, 20, 20) mm, long along j, its front half of one value and its back half of another.</summary>
    private static void Draw(
        Volume<float> image,
        Volume<byte>? mask,
        double x,
        double length,
        float front,
        float back
    ) =>
        ForEach(
            image.Geometry,
            (n, i, j, k) =>
            {
                var (a, b, c) = ((i - x) / 5, (j - 20) / length, (k - 20) / 5.0);
                if (a * a + b * b + c * c < 1)
                {
                    image.Voxels[n] = j > 20 ? front : back;
                    mask?.Voxels[n] = 1;
                }
            }
        );

    private static Volume<float> Pull(
        Volume<float> image,
        VolumeGeometry grid,
        Func<double, double, double, (double X, double Y, double Z)> toImage
    )
    {
        var toIndex = AffineTransform.WorldToIndex(image.Geometry);
        var pulled = new Volume<float>(grid);
        ForEach(
            grid,
            (n, i, j, k) =>
            {
                var (x, y, z) = grid.ToWorld(i, j, k);
                (x, y, z) = toImage(x, y, z);
                (x, y, z) = toIndex.Apply(x, y, z);
                Interpolation.TryLinear(
                    image.Voxels,
                    image.Geometry.Shape,
                    (float)x,
                    (float)y,
                    (float)z,
                    out pulled.Voxels[n]
                );
            }
        );
        return pulled;
    }

    private static void ForEach(VolumeGeometry grid, Action<int, int, int, int> visit)
    {
        var n = 0;
        for (var k = 0; k < grid.Shape.K; k++)
        {
            for (var j = 0; j < grid.Shape.J; j++)
            {
                for (var i = 0; i < grid.Shape.I; i++, n++)
                {
                    visit(n, i, j, k);
                }
            }
        }
    }

    private static double Distance(
        (double X, double Y, double Z) a,
        (double X, double Y, double Z) b
    ) =>
        Math.Sqrt(
            (a.X - b.X) * (a.X - b.X) + (a.Y - b.Y) * (a.Y - b.Y) + (a.Z - b.Z) * (a.Z - b.Z)
        );
}
