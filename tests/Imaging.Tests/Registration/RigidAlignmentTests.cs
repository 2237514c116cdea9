using Platform.Imaging.Registration;
using Platform.Testing;
using Xunit.Abstractions;

namespace Platform.Imaging.Tests.Registration;

/// <summary>Real T1 and FLAIR lie below the folder PLATFORM_DATA names (t1-brain); where it is absent generated heads are aligned alone.</summary>
public sealed class RigidAlignmentTests(ITestOutputHelper output)
{
    private static readonly RegistrationOptions Options = new()
    {
        Similarity = Similarity.MutualInformation,
        Model = LinearModel.Rigid,
        AffineIterations = [30, 15, 10],
        Threads = 2,
    };

    /// <summary>7, −5 and 9 degrees, 20 mm.</summary>
    private static readonly AffineTransform Motion = Rigid(7, -5, 9, 12, -14, 8);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_moved_head_is_found_whatever_its_contrast(bool inverted)
    {
        var (image, labels) = BrainPhantom.Subject(1);
        var moving = Flair(Seen(Motion), inverted);
        var found = Align(image, moving, Options);
        var error = TargetError(labels, found.Transform, Motion);
        Assert.True(error < 0.4, $"{error:f2} mm are left");
        Assert.InRange(found.Similarity, 0.3, 1);
        Assert.InRange(found.Seen, 0.7, 0.9);
    }

    [Fact]
    public void Local_correlation_finds_a_moved_head_of_the_same_contrast_without_shear_or_scale()
    {
        var (image, labels) = BrainPhantom.Subject(1);
        var options = Options with { Similarity = Similarity.LocalCorrelation };
        var found = Align(image, Seen(Motion), options);
        var error = TargetError(labels, found.Transform, Motion);
        Assert.True(error < 0.4, $"{error:f2} mm are left");
        AssertRigid(found.Transform);
    }

    [Fact]
    public void An_affine_of_another_contrast_is_found_by_mutual_information()
    {
        var truth = Motion.After(
            new AffineTransform([1.06, 0, 0, 0, 0, 0.95, 0, 0, 0, 0.03, 1, 0])
        );
        var (image, labels) = BrainPhantom.Subject(1);
        var options = Options with { Model = LinearModel.Affine };
        var found = ImageRegistration.Align(
            FixedImage.Prepare(image, labels, options),
            MovingImage.Prepare(Flair(Seen(truth), inverted: true), options),
            new RegistrationWorkspace()
        );
        var error = TargetError(labels, found.Transform, truth);
        Assert.True(error < 1.3, $"{error:f2} mm are left");
    }

    [Fact]
    public void A_t1_and_a_flair_of_one_real_head_are_aligned_wherever_the_flair_was_moved()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is not { Length: > 0 } root)
        {
            output.WriteLine("PLATFORM_DATA is not set: no real scans (t1-brain) were aligned");
            return;
        }
        foreach (var subject in (string[])["Subj3", "Subj12"])
        {
            var folder = Path.Combine(root, "t1-brain");
            var t1 = Read(Path.Combine(folder, "t1", $"{subject}_T1.nii.gz"));
            var flair = Read(Path.Combine(folder, "flair", $"{subject}_FL.nii.gz"));
            using var labels = File.OpenRead(
                Path.Combine(folder, "labels", $"{subject}_T1_DLMUSE.nii.gz")
            );
            var brain = NiftiReader.ReadLabels(labels);
            var asTaken = Align(t1, flair, Options);
            var moved = Align(t1, Moved(flair, Motion), Options);
            var error = TargetError(brain, moved.Transform, Motion.After(asTaken.Transform));
            output.WriteLine(
                $"{subject}: {error:f3} mm of {TargetError(brain, Motion, AffineTransform.Identity):f1} mm are left"
            );
            Assert.True(error < 0.2, $"{subject}: {error:f2} mm are left");
            Assert.InRange(asTaken.Similarity, 0.25, 1);
            // As elastix has it: the head of Subj3 moved between the sequences, that of Subj12 hardly did.
            Assert.InRange(
                TargetError(brain, asTaken.Transform, AffineTransform.Identity),
                subject == "Subj3" ? 11.9 : 0.3,
                subject == "Subj3" ? 12.9 : 1.2
            );
        }
    }

    [Fact]
    public void The_result_does_not_depend_on_the_threads()
    {
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var moving = Flair(Seen(Motion, spacing: 4), inverted: true);
        var one = Align(image, moving, Options with { Threads = 1 });
        var three = Align(image, moving, Options with { Threads = 3 });
        Assert.Equal(one.Transform.Entries, three.Transform.Entries);
        Assert.Equal(one.Similarity, three.Similarity);
    }

    [Fact]
    public void Images_that_do_not_meet_share_nothing_and_are_left_where_they_are()
    {
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var found = Align(image, Moved(image, Rigid(0, 0, 0, 400, 0, 0)), Options);
        Assert.Equal((0.0, 0.0), (found.Similarity, found.Seen));
        Assert.Equal(AffineTransform.Identity.Entries, found.Transform.Entries);
    }

    [Fact]
    public void Noise_shares_next_to_nothing_with_a_head()
    {
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var found = Align(image, Phantoms.Noise(image.Geometry, 1), Options);
        Assert.InRange(found.Similarity, 0, 0.05);
    }

    [Fact]
    public void An_alignment_that_is_cancelled_stops()
    {
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var cancelled = new CancellationToken(true);
        var (f, m) = (
            FixedImage.Prepare(image, null, Options),
            MovingImage.Prepare(image, Options)
        );
        Assert.Throws<OperationCanceledException>(() =>
            ImageRegistration.Align(f, m, new RegistrationWorkspace(), cancelled)
        );
    }

    [Fact]
    public void A_rigid_model_is_not_registered_non_rigidly()
    {
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var (f, m) = (
            FixedImage.Prepare(image, null, Options),
            MovingImage.Prepare(image, Options)
        );
        Assert.Throws<ArgumentException>(() =>
            ImageRegistration.Register(f, m, new RegistrationWorkspace())
        );
    }

    [Fact]
    public void The_step_follows_the_gradient_of_the_mutual_information()
    {
        // A shift along x: the right-hand side of the normal equations is the derivative, to the coarseness of the histogram and of central differences.
        var (image, _) = BrainPhantom.Subject(1, spacing: 4);
        var options = Options with { SpacingsMm = [4] };
        var f = FixedImage.Prepare(image, null, options);
        var m = MovingImage.Prepare(
            Flair(Seen(Rigid(0, 0, 0, 6, 0, 0), spacing: 4), true),
            options
        );
        var work = new RegistrationWorkspace();
        work.Reserve(f.Levels[0].Voxels.Length, localStatistics: false);
        double At(double mm) =>
            MutualInformation
                .Measure(
                    f.Levels[0],
                    m.Levels[0],
                    m.Ranges[0],
                    AffineTransform.Translation(mm, 0, 0),
                    work,
                    1
                )
                .Score;
        var slope = (At(2) - At(0)) / 2;
        At(1);
        MutualInformation.Linearise(f.Levels[0], work, 1);
        var sum = 0.0;
        for (var n = 0; n < f.Levels[0].Voxels.Length; n++)
        {
            sum += work.Force[4 * n] * work.Force[4 * n + 3];
        }
        sum /= 4 * f.Levels[0].MaskVoxels;
        Assert.True(slope > 0, $"the information falls towards the truth: {slope}");
        Assert.InRange(sum / slope, 0.8, 1.2);
    }

    [Fact]
    public void The_nearest_rigid_map_keeps_the_pivot_and_the_rotation_of_a_scaled_map()
    {
        var scaled = Motion.After(new AffineTransform([1.2, 0, 0, 0, 0, 1.2, 0, 0, 0, 0, 1.2, 0]));
        var rigid = scaled.NearestRigid((10, 20, 30));
        AssertRigid(rigid);
        Assert.Equal(Motion.RotationDegrees, rigid.RotationDegrees, 6);
        var (a, b) = (scaled.Apply(10, 20, 30), rigid.Apply(10, 20, 30));
        Assert.Equal(0, Distance(a, b), 9);
    }

    private static void AssertRigid(AffineTransform transform)
    {
        Assert.Equal(1, transform.Determinant, 9);
        var m = transform.Entries;
        Assert.Equal(0, m[0] * m[1] + m[4] * m[5] + m[8] * m[9], 9);
        Assert.Equal(1, m[0] * m[0] + m[4] * m[4] + m[8] * m[8], 9);
    }

    private static LinearAlignment Align(
        Volume<float> image,
        Volume<float> moving,
        RegistrationOptions options
    ) =>
        ImageRegistration.Align(
            FixedImage.Prepare(image, null, options),
            MovingImage.Prepare(moving, options),
            new RegistrationWorkspace()
        );

    /// <summary>Subject 1 after it moved, with other noise, on a grid of its own.</summary>
    private static Volume<float> Seen(AffineTransform motion, double spacing = 2)
    {
        var (back, head) = (motion.Inverse(), BrainPhantom.Warp(1, 4));
        var grid = BrainPhantom.Grid(spacing);
        var affine = AffineTransform.Translation(1.3, 11.7, 3.1).After(new(grid.Affine));
        return BrainPhantom
            .Draw(
                new VolumeGeometry(grid.Shape, affine.Entries),
                (x, y, z) =>
                {
                    (x, y, z) = back.Apply(x, y, z);
                    return head(x, y, z);
                },
                seed: 77
            )
            .Image;
    }

    /// <summary>Grey above white, fluid dark; or every tissue the darker, the brighter it was.</summary>
    private static Volume<float> Flair(Volume<float> t1, bool inverted) =>
        new(
            t1.Geometry,
            [
                .. t1.Voxels.Select(v =>
                    v < 12 ? v
                    : inverted ? 150 - v
                    : 100 * MathF.Sin(v / 50)
                ),
            ]
        );

    /// <summary>The same voxels elsewhere in the world.</summary>
    private static Volume<float> Moved(Volume<float> image, AffineTransform motion) =>
        new(
            new VolumeGeometry(
                image.Geometry.Shape,
                motion.After(AffineTransform.IndexToWorld(image.Geometry)).Entries
            ),
            image.Voxels
        );

    private static Volume<float> Read(string path)
    {
        using var stream = File.OpenRead(path);
        return NiftiReader.ReadImage(stream);
    }

    /// <summary>Mean distance in mm between where two maps take the labelled voxels.</summary>
    private static double TargetError(Volume<byte> labels, AffineTransform a, AffineTransform b)
    {
        var (sum, count, shape) = (0.0, 0, labels.Geometry.Shape);
        for (var n = 0; n < labels.Voxels.Length; n += 29)
        {
            if (labels.Voxels[n] != 0)
            {
                var jk = n / shape.I;
                var (x, y, z) = labels.Geometry.ToWorld(n % shape.I, jk % shape.J, jk / shape.J);
                sum += Distance(a.Apply(x, y, z), b.Apply(x, y, z));
                count++;
            }
        }
        return sum / count;
    }

    private static double Distance(
        (double X, double Y, double Z) a,
        (double X, double Y, double Z) b
    ) => Math.Sqrt(Math.Pow(a.X - b.X, 2) + Math.Pow(a.Y - b.Y, 2) + Math.Pow(a.Z - b.Z, 2));

    /// <summary>Rotations about x, y, z in degrees, in that order, then a shift in mm.</summary>
    private static AffineTransform Rigid(
        double aboutX,
        double aboutY,
        double aboutZ,
        double x,
        double y,
        double z
    )
    {
        var (sx, cx) = Math.SinCos(aboutX * Math.PI / 180);
        var (sy, cy) = Math.SinCos(aboutY * Math.PI / 180);
        var (sz, cz) = Math.SinCos(aboutZ * Math.PI / 180);
        return AffineTransform
            .Translation(x, y, z)
            .After(new AffineTransform([cz, -sz, 0, 0, sz, cz, 0, 0, 0, 0, 1, 0]))
            .After(new AffineTransform([cy, 0, sy, 0, 0, 1, 0, 0, -sy, 0, cy, 0]))
            .After(new AffineTransform([1, 0, 0, 0, 0, cx, -sx, 0, 0, sx, cx, 0]));
    }
}
