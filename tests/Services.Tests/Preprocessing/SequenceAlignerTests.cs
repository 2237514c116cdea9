using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Ingest.Tests;
using Platform.Testing;
using Xunit.Abstractions;

namespace Platform.Preprocessing.Tests;

/// <summary>Real T1 and FLAIR lie below the folder PLATFORM_DATA names (t1-brain); where it is absent generated heads are aligned alone.</summary>
public sealed class SequenceAlignerTests(ITestOutputHelper output)
{
    /// <summary>6 degrees about z, and 14 mm.</summary>
    private static readonly AffineTransform Motion = AffineTransform
        .Translation(10, -9, 4)
        .After(new AffineTransform([0.99452, -0.10453, 0, 0, 0.10453, 0.99452, 0, 0, 0, 0, 1, 0]));

    [Fact]
    public async Task A_sequence_of_another_contrast_is_brought_onto_the_most_detailed_one()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([Flair(6), T1(4)])).Study;
        var command = (await host.Messages.WaitAsync<SegmentVolume>(2))[0];
        var plan = await PlanAsync(host, study);
        var (flair, t1) = (plan.Series[0].Alignment!, plan.Series[1].Alignment!);
        Assert.Equal(AlignmentOutcome.Anchor, t1.Outcome);
        Assert.Equal((AlignmentOutcome.Aligned, "s2"), (flair.Outcome, flair.Anchor));
        Assert.Equal(ImageSimilarity.MutualInformation, flair.Similarity);
        Assert.InRange(flair.SimilarityValue!.Value, 0.25, 1);
        Assert.InRange(flair.RotationDegrees!.Value, 5.5, 6.5);
        var map = new AffineTransform(flair.FromAnchor!.Take(12).ToArray());
        // Half a voxel of the coarser image, whichever way.
        foreach (var (x, y, z) in ((double, double, double)[])[(0, 0, 0), (50, -20, 30)])
        {
            var (a, b) = (map.Apply(x, y, z), Motion.Apply(x, y, z));
            Assert.InRange(Math.Abs(a.X - b.X) + Math.Abs(a.Y - b.Y) + Math.Abs(a.Z - b.Z), 0, 3);
        }

        Assert.Equal(BlobNames.Aligned(study, "s1", "s2"), flair.Volume);
        var store = host.Service<VolumeStore>();
        var aligned = await store.ReadImageAsync(flair.Volume!, default);
        var anchor = await store.ReadImageAsync(BlobNames.Volume(study, "s2"), default);
        Assert.True(aligned.Geometry.IsCloseTo(anchor.Geometry));
        Assert.InRange(Correlation(anchor, aligned), 0.3, 1);

        // A redelivery after a crash before the plan: the same, byte for byte.
        await host.Blobs.DeleteAsync(BlobNames.Plan(study), default);
        await host.Service<IBus>().Publish(new StudyReceived { Study = command.Study });
        await host.Messages.WaitAsync<SegmentVolume>(4);
        var again = (await PlanAsync(host, study)).Series[0].Alignment!;
        Assert.Equal(flair.FromAnchor, again.FromAnchor);
        Assert.Equal(flair with { FromAnchor = null }, again with { FromAnchor = null });
    }

    [Fact]
    public async Task What_cannot_be_aligned_is_said_and_refuses_nothing()
    {
        await using var host = await StartAsync();
        var elsewhere = Scans.Noise(
            VolumeGeometry.Ras((24, 28, 24), (8, 8, 8), (-88, -112, 600)),
            seed: 1
        );
        var noise = Scans.Noise(
            VolumeGeometry.Ras((24, 28, 24), (8, 8, 8), (-88, -112, -96)),
            seed: 2
        );
        var study = (
            await host.SubmitAsync([
                T1(4),
                Scans.Bytes(elsewhere, NiftiCompression.None),
                Scans.Bytes(noise, NiftiCompression.None),
            ])
        ).Study;
        await host.Messages.WaitAsync<SegmentVolume>(3);
        var series = (await PlanAsync(host, study)).Series;
        Assert.Equal(
            [AlignmentOutcome.Anchor, AlignmentOutcome.NotTried, AlignmentOutcome.Failed],
            series.Select(one => one.Alignment!.Outcome)
        );
        Assert.StartsWith("0 %", series[1].Alignment!.Detail, StringComparison.Ordinal);
        Assert.Contains("0.20 is needed", series[2].Alignment!.Detail, StringComparison.Ordinal);
        Assert.InRange(series[2].Alignment!.SimilarityValue!.Value, 0, 0.1);
        Assert.DoesNotContain(await host.BlobNamesAsync(), name => name.Contains("-on-"));
    }

    [Fact]
    public async Task A_constant_or_flat_series_is_not_tried_and_a_constant_anchor_serves_nobody()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([T1(4)])).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var head = await StoreAsync(host, study, "s1", null);
        var constant = await StoreAsync(
            host,
            study,
            "s2",
            new Volume<float>(VolumeGeometry.Ras((22, 26, 23), (8, 8, 8), (-88, -112, -96)))
        );
        var stack = await StoreAsync(
            host,
            study,
            "s3",
            Scans.Noise(VolumeGeometry.Ras((44, 53, 5), (4, 4, 30), (-88, -112, -70)), 3)
        );
        var aligner = host.Service<SequenceAligner>();
        var found = await aligner.AlignAsync(study, [head, constant, stack], default);
        Assert.Equal(AlignmentOutcome.NotTried, found[1].Alignment!.Outcome);
        Assert.Contains("constant", found[1].Alignment!.Detail, StringComparison.Ordinal);
        Assert.Equal(AlignmentOutcome.NotTried, found[2].Alignment!.Outcome);
        Assert.Contains("×5 voxels", found[2].Alignment!.Detail, StringComparison.Ordinal);

        found = await aligner.AlignAsync(study, [constant, stack], default);
        Assert.Equal(AlignmentOutcome.NotTried, found[1].Alignment!.Outcome);
        Assert.StartsWith("the anchor: ", found[1].Alignment!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Aligning_stops_when_cancelled_and_leaves_nothing()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([T1(4)])).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var head = await StoreAsync(host, study, "s1", null);
        var other = await StoreAsync(host, study, "s2", Draw(6));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            host.Service<SequenceAligner>().AlignAsync(study, [head, other], new(true))
        );
        Assert.DoesNotContain(await host.BlobNamesAsync(), name => name.Contains("-on-"));
    }

    [Fact]
    public async Task Nothing_is_aligned_where_the_option_says_so()
    {
        await using var host = await StartAsync(
            new() { ["Preprocessing:AlignSequences"] = "false" }
        );
        var study = (await host.SubmitAsync([T1(6), Flair(6)])).Study;
        await host.Messages.WaitAsync<SegmentVolume>(2);
        Assert.All((await PlanAsync(host, study)).Series, one => Assert.Null(one.Alignment));
    }

    [Fact]
    public async Task A_real_t1_and_its_flair_are_aligned()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is not { Length: > 0 } root)
        {
            output.WriteLine("PLATFORM_DATA is not set: no real scans (t1-brain) were aligned");
            return;
        }
        await using var host = await StartAsync();
        byte[] Read(string file) => File.ReadAllBytes(Path.Combine(root, "t1-brain", file));
        var study = (
            await host.SubmitAsync([Read("t1/Subj3_T1.nii.gz"), Read("flair/Subj3_FL.nii.gz")])
        ).Study;
        await host.Messages.WaitAsync<SegmentVolume>(2);
        var plan = await PlanAsync(host, study);
        Assert.Equal(AlignmentOutcome.Anchor, plan.Series[0].Alignment!.Outcome);
        var flair = plan.Series[1].Alignment!;
        output.WriteLine(
            $"{flair.ShiftMm:f1} mm, {flair.RotationDegrees:f1} degrees, similarity {flair.SimilarityValue:f2}; the whole plan took {plan.Seconds:f1} s"
        );
        Assert.Equal(AlignmentOutcome.Aligned, flair.Outcome);
        Assert.InRange(flair.SimilarityValue!.Value, 0.3, 0.5);
    }

    private static byte[] T1(double spacing) =>
        Scans.Bytes(BrainPhantom.Subject(1, spacing).Image, NiftiCompression.None);

    private static byte[] Flair(double spacing) =>
        Scans.Bytes(Draw(spacing), NiftiCompression.None);

    /// <summary>Subject 1 after it moved: grey above white, fluid dark.</summary>
    private static Volume<float> Draw(double spacing)
    {
        var (back, head) = (Motion.Inverse(), BrainPhantom.Warp(1, 4));
        var image = BrainPhantom
            .Draw(
                BrainPhantom.Grid(spacing),
                (x, y, z) =>
                {
                    (x, y, z) = back.Apply(x, y, z);
                    return head(x, y, z);
                },
                seed: 9
            )
            .Image;
        foreach (ref var voxel in image.Voxels.AsSpan())
        {
            voxel = voxel < 12 ? voxel : 100 * MathF.Sin(voxel / 50);
        }
        return image;
    }

    /// <summary>Stores an image as a series, or takes the one that is stored.</summary>
    private static async Task<(PlannedSeries, VolumeGeometry)> StoreAsync(
        IntakeHost host,
        StudyContext study,
        string series,
        Volume<float>? image
    )
    {
        var (store, name) = (host.Service<VolumeStore>(), BlobNames.Volume(study, series));
        if (image is not null)
        {
            await store.TryCreateAsync(name, image, default);
        }
        var grid = (await store.ReadImageAsync(name, default)).Geometry;
        return (
            new()
            {
                Series = series,
                Shape = [grid.Shape.I, grid.Shape.J, grid.Shape.K],
                SpacingMm = [grid.Spacing.I, grid.Spacing.J, grid.Spacing.K],
                ReceivedOrientation = "RAS",
                VolumeDigest = "",
            },
            grid
        );
    }

    private static double Correlation(Volume<float> a, Volume<float> b)
    {
        var (x, y) = (a.Voxels.Average(), b.Voxels.Average());
        double xy = 0,
            xx = 0,
            yy = 0;
        for (var n = 0; n < a.Voxels.Length; n++)
        {
            var (u, v) = (a.Voxels[n] - x, b.Voxels[n] - y);
            (xy, xx, yy) = (xy + u * v, xx + u * u, yy + v * v);
        }
        return xy / Math.Sqrt(xx * yy);
    }

    private static Task<IntakeHost> StartAsync(Dictionary<string, string?>? settings = null) =>
        IntakeHost.StartAsync(
            settings: settings,
            preprocessing: ["any"],
            install: Packages.Install(Packages.Any())
        );

    private static Task<StudyPlan> PlanAsync(IntakeHost host, StudyContext study) =>
        host.Blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), default);
}
