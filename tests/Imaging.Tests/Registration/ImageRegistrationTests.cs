using Platform.Imaging.Registration;
using Platform.Testing;

namespace Platform.Imaging.Tests.Registration;

public sealed class ImageRegistrationTests
{
    private static readonly RegistrationOptions Options = new();

    [Fact]
    public void A_smooth_warp_of_nine_millimetres_is_recovered_to_under_a_voxel_without_folding()
    {
        var grid = BrainPhantom.Grid(2);
        var truth = BrainPhantom.Warp(3, 6);
        var (image, labels) = BrainPhantom.Draw(grid, (x, y, z) => (x, y, z), 1);
        var (moving, movingLabels) = BrainPhantom.Draw(grid, truth, 2);
        var result = Register(image, labels, moving);
        var (before, after) = TargetError(result.Transform, movingLabels, truth);
        Assert.True(before > 6, $"the warp is only {before:f1} mm");
        // Most of a phantom is flat white matter, which only its surroundings can place.
        Assert.True(after < 1.8, $"{after:f2} mm of {before:f1} mm are left");
        Assert.InRange(result.LeastJacobian, 0.05, 1);
    }

    [Fact]
    public void A_real_brain_warped_by_seven_millimetres_is_found_to_six_tenths_of_one()
    {
        const string colin = "/usr/share/mricron/templates/ch2bet.nii.gz";
        Assert.True(File.Exists(colin), "apt package mricron-data is needed: " + colin);
        using var stream = File.OpenRead(colin);
        var image = NiftiReader.ReadImage(stream);
        var brain = new Volume<byte>(
            image.Geometry,
            [.. image.Voxels.Select(v => v > 0 ? (byte)1 : (byte)0)]
        );
        var truth = BrainPhantom.Warp(5, 6);
        var moving = Pull(image, BrainPhantom.Grid(2), truth);
        // Twice the usual steps at 2 mm; the usual ones, which quality prediction takes, leave 0.63 mm.
        var patient = Options with
        {
            DeformableIterations = [30, 30, 24],
        };
        var result = Register(image, brain, moving, patient);
        var movingBrain = new Volume<byte>(
            moving.Geometry,
            [.. moving.Voxels.Select(v => v > 10 ? (byte)1 : (byte)0)]
        );
        var (before, after) = TargetError(result.Transform, movingBrain, truth);
        Assert.True(before > 6, $"the warp is only {before:f1} mm");
        Assert.True(after < 0.6, $"{after:f2} mm of {before:f1} mm are left");
        Assert.True(result.LeastJacobian > 0, $"the map folds: {result.LeastJacobian}");
    }

    [Fact]
    public void A_large_affine_between_other_fields_of_view_and_spacings_is_found()
    {
        // 15 degrees about the left–right axis, 10 % smaller, 45 mm down the table, seen on a thick-sliced oblique grid.
        var (sin, cos) = Math.SinCos(15 * Math.PI / 180);
        (double, double, double) Truth(double x, double y, double z) =>
            (1.1 * (x - 20), 1.1 * (cos * y - sin * (z + 45)), 1.1 * (sin * y + cos * (z + 45)));
        var (image, labels) = BrainPhantom.Draw(BrainPhantom.Grid(2), (x, y, z) => (x, y, z), 1);
        var oblique = new VolumeGeometry(
            (130, 150, 60),
            [-1.5, 0, 0.3, 115, 0, 1.5, 0.2, -115, 0.1, -0.1, 3.5, -160]
        );
        var (moving, movingLabels) = BrainPhantom.Draw(oblique, Truth, 2);
        var result = Register(image, labels, moving, Options with { DeformableIterations = [] });
        var (before, after) = TargetError(result.Transform, movingLabels, Truth);
        Assert.True(before > 40 && after < 1.5, $"{after:f2} mm of {before:f1} mm are left");
    }

    [Fact]
    public void Another_contrast_moves_the_result_by_less_than_a_voxel()
    {
        var truth = BrainPhantom.Warp(8, 5);
        var grid = BrainPhantom.Grid(2);
        var (image, labels) = BrainPhantom.Draw(grid, (x, y, z) => (x, y, z), 1);
        var (moving, movingLabels) = BrainPhantom.Draw(grid, truth, 2, gamma: 0.6);
        var result = Register(image, labels, moving);
        var (_, after) = TargetError(result.Transform, movingLabels, truth);
        Assert.True(after < 1.7, $"{after:f2} mm are left");
    }

    [Fact]
    public void An_image_registers_to_itself_by_the_identity()
    {
        var (image, labels) = BrainPhantom.Subject(4);
        var result = Register(image, labels, image);
        var (_, after) = TargetError(result.Transform, labels, (x, y, z) => (x, y, z));
        Assert.True(after < 0.4, $"{after:f3} mm");
        Assert.True(result.Similarity > 0.85, $"similarity {result.Similarity:f3}");
        // Local correlation has no pull where nothing varies, so flat tissue may give a little; it must stay far from folding.
        Assert.InRange(result.LeastJacobian, 0.6, 1.05);
    }

    [Fact]
    public void Forward_and_inverse_undo_each_other_to_a_fifth_of_a_voxel()
    {
        var (image, labels) = BrainPhantom.Subject(1);
        var transform = Register(image, labels, BrainPhantom.Subject(2).Image).Transform;
        var worst = 0.0;
        for (var n = 0; n < labels.Voxels.Length; n += 97)
        {
            if (labels.Voxels[n] != 0)
            {
                var (x, y, z) = World(labels.Geometry, n);
                var there = transform.ToMoving(x, y, z);
                var back = transform.ToFixed(there.X, there.Y, there.Z);
                worst = Math.Max(worst, Distance(back, (x, y, z)));
            }
        }
        Assert.True(worst < 0.4, $"{worst:f2} mm");
    }

    [Fact]
    public void Warped_labels_are_those_of_the_mapped_points()
    {
        var (image, labels) = BrainPhantom.Subject(1);
        var transform = Register(image, labels, BrainPhantom.Subject(2).Image).Transform;
        var grid = BrainPhantom.Grid(3);
        var warped = transform.WarpToMoving(labels, grid);
        var toLabels = AffineTransform.WorldToIndex(labels.Geometry);
        var (checkedVoxels, differing) = (0, 0);
        for (var n = 0; n < warped.Voxels.Length; n += 13)
        {
            var (x, y, z) = World(grid, n);
            var point = transform.ToFixed(x, y, z);
            var (i, j, k) = toLabels.Apply(point.X, point.Y, point.Z);
            var (a, b, c) = ((int)Math.Round(i), (int)Math.Round(j), (int)Math.Round(k));
            var shape = labels.Geometry.Shape;
            var inside = a >= 0 && b >= 0 && c >= 0 && a < shape.I && b < shape.J && c < shape.K;
            checkedVoxels++;
            differing += (inside ? labels[a, b, c] : 0) == warped.Voxels[n] ? 0 : 1;
        }
        // Ties of rounding between single and double precision.
        Assert.True(differing <= checkedVoxels / 1000, $"{differing} of {checkedVoxels}");
    }

    [Fact]
    public void Constant_and_non_finite_images_and_empty_masks_are_refused()
    {
        var (image, labels) = BrainPhantom.Subject(1, spacing: 4);
        var empty = new Volume<float>(image.Geometry);
        var broken = new Volume<float>(image.Geometry, [.. image.Voxels]);
        broken.Voxels[1234] = float.NaN;
        Assert.Equal(VolumeFault.BadVoxels, Fault(() => MovingImage.Prepare(empty, Options)));
        Assert.Equal(VolumeFault.BadVoxels, Fault(() => MovingImage.Prepare(broken, Options)));
        Assert.Equal(
            VolumeFault.BadVoxels,
            Fault(() => FixedImage.Prepare(empty, labels, Options))
        );
        Assert.Equal(
            VolumeFault.BadVoxels,
            Fault(() => FixedImage.Prepare(image, new Volume<byte>(image.Geometry), Options))
        );
    }

    [Fact]
    public void A_few_slices_are_refused_with_their_shape()
    {
        var slab = Phantoms.Noise(VolumeGeometry.Ras((40, 40, 3), (1, 1, 1)), 1);
        var error = Assert.Throws<VolumeException>(() => MovingImage.Prepare(slab, Options));
        Assert.Equal(VolumeFault.NotAVolume, error.Fault);
        Assert.Contains("×3 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_stops_soon_after_it_is_cancelled()
    {
        var (image, labels) = BrainPhantom.Subject(1);
        var fixedImage = FixedImage.Prepare(image, labels, Options);
        var moving = MovingImage.Prepare(BrainPhantom.Subject(2).Image, Options);
        using var cancellation = new CancellationTokenSource();
        var run = Task.Run(() =>
            ImageRegistration.Register(
                fixedImage,
                moving,
                new RegistrationWorkspace(),
                cancellation.Token
            )
        );
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    private static RegistrationResult Register(
        Volume<float> image,
        Volume<byte> mask,
        Volume<float> moving,
        RegistrationOptions? options = null
    ) =>
        ImageRegistration.Register(
            FixedImage.Prepare(image, mask, options ?? Options),
            MovingImage.Prepare(moving, options ?? Options),
            new RegistrationWorkspace()
        );

    /// <summary>Mean distance in mm to the true point before and after, over labelled voxels of the moving image.</summary>
    private static (double Before, double After) TargetError(
        SpatialTransform transform,
        Volume<byte> movingLabels,
        Func<double, double, double, (double X, double Y, double Z)> toFixed
    )
    {
        double before = 0,
            after = 0;
        var count = 0;
        for (var n = 0; n < movingLabels.Voxels.Length; n += 11)
        {
            if (movingLabels.Voxels[n] == 0)
            {
                continue;
            }
            var (x, y, z) = World(movingLabels.Geometry, n);
            var truth = toFixed(x, y, z);
            before += Distance(truth, (x, y, z));
            after += Distance(truth, transform.ToFixed(x, y, z));
            count++;
        }
        return (before / count, after / count);
    }

    /// <summary>The image seen through a map from the target's world to its own.</summary>
    private static Volume<float> Pull(
        Volume<float> image,
        VolumeGeometry grid,
        Func<double, double, double, (double X, double Y, double Z)> toImage
    )
    {
        var smooth = Resampler.Gaussian(image, 0.7);
        var toIndex = AffineTransform.WorldToIndex(image.Geometry);
        var pulled = new Volume<float>(grid);
        for (var n = 0; n < pulled.Voxels.Length; n++)
        {
            var (x, y, z) = World(grid, n);
            (x, y, z) = toImage(x, y, z);
            (x, y, z) = toIndex.Apply(x, y, z);
            Interpolation.TryLinear(
                smooth.Voxels,
                image.Geometry.Shape,
                (float)x,
                (float)y,
                (float)z,
                out pulled.Voxels[n]
            );
        }
        return pulled;
    }

    private static (double X, double Y, double Z) World(VolumeGeometry geometry, int n)
    {
        var (width, height) = (geometry.Shape.I, geometry.Shape.J);
        return geometry.ToWorld(n % width, n / width % height, n / (width * height));
    }

    private static double Distance(
        (double X, double Y, double Z) a,
        (double X, double Y, double Z) b
    ) =>
        Math.Sqrt(
            (a.X - b.X) * (a.X - b.X) + (a.Y - b.Y) * (a.Y - b.Y) + (a.Z - b.Z) * (a.Z - b.Z)
        );

    private static VolumeFault Fault(Action action) => Assert.Throws<VolumeException>(action).Fault;
}
