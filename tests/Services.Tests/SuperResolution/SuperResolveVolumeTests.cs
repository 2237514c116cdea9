using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Segmentation.Tests;
using Platform.Testing;

namespace Platform.SuperResolution.Tests;

public sealed class SuperResolveVolumeTests
{
    [Fact]
    public async Task A_thick_volume_becomes_thin_and_is_marked_not_for_diagnosis_whatever_the_plan_says()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study();
        var scan = ModelHost.Scan((1, 1, 4));
        var output = await host.PlanAsync(
            study,
            scan,
            OutputKind.SuperResolution,
            "tiny-sr@1.0.0",
            notForDiagnosis: false
        );
        await host.SendAsync(study, output);
        var done = Assert.Single(await host.Messages.WaitAsync<VolumeSuperResolved>());
        Assert.Equal((study, "s1", "tiny-sr@1.0.0"), (done.Study, done.Series, done.Model));
        var fine = await host.Volumes.ReadImageAsync(output.Output, default);
        Assert.Equal((32, 32, 48), fine.Geometry.Shape);
        Assert.Equal(1, fine.Geometry.Spacing.K, 5);
        Assert.Equal(scan.Voxels.Min(), fine.Voxels.Min());
        var provenance = await host.Blobs.ReadJsonAsync<OutputProvenance>(
            BlobNames.Provenance(study, "tiny-sr@1.0.0", "s1"),
            default
        );
        Assert.True(provenance.NotForDiagnosis);
    }

    [Fact]
    public async Task Each_frame_of_a_time_series_becomes_thin()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study();
        var scan = ModelHost.Scan((1, 1, 4));
        var brighter = new Volume<float>(scan.Geometry, [.. scan.Voxels.Select(v => 2 * v + 5)]);
        var output = await PlanAsync(host, study, scan, brighter);
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<VolumeSuperResolved>();
        var fine = await host.Volumes.ReadFramesAsync<float>(output.Output, default).ToListAsync();
        Assert.All(fine, frame => Assert.Equal((32, 32, 48), frame.Geometry.Shape));
        Assert.Equal([0f, 5f], fine.Select(frame => frame.Voxels.Min()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_model_says_of_its_errors_lies_beside_the_volume_before_it_is_there(
        bool interrupted
    )
    {
        await using var host = await ModelHost.StartAsync(install: folder =>
            TinyPackage.SuperResolution(folder, error: 0.5f)
        );
        var study = ModelHost.Study();
        var scan = ModelHost.Scan((1, 1, 4));
        var output = await PlanAsync(host, study, scan, scan, scan);
        var name = BlobNames.Uncertainty(study, "tiny-sr@1.0.0", "s1");
        if (interrupted)
        {
            // An attempt that got so far and no further.
            await host.Volumes.TryCreateAsync(
                name,
                new Volume<float>(VolumeGeometry.Ras((1, 1, 1), (1, 1, 1)), [7]),
                default
            );
        }
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<VolumeSuperResolved>();
        var expected = await host.Volumes.ReadFramesAsync<float>(name, default).ToListAsync();
        Assert.Equal(interrupted ? 1 : 3, expected.Count);
        if (!interrupted)
        {
            Assert.All(expected, frame => Assert.Equal((32, 32, 48), frame.Geometry.Shape));
            Assert.All(expected, frame => Assert.True(frame.Voxels.Max() > 0));
        }
        var provenance = await host.Blobs.ReadJsonAsync<OutputProvenance>(
            BlobNames.Provenance(study, "tiny-sr@1.0.0", "s1"),
            default
        );
        Assert.True(provenance.Uncertainty);
        // The scan is the same in every slice, so its interpolation is what was acquired.
        Assert.InRange(provenance.Deviation!.Value, 0, 1e-5);
    }

    [Fact]
    public async Task A_volume_that_cannot_be_finished_leaves_no_uncertainty()
    {
        await using var host = await ModelHost.StartAsync(install: folder =>
            TinyPackage.SuperResolution(folder, error: 0.5f)
        );
        var study = ModelHost.Study();
        var scan = ModelHost.Scan((1, 1, 4));
        var flat = new Volume<float>(scan.Geometry);
        var output = await PlanAsync(host, study, scan, flat);
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<StudyRejected>();
        Assert.False(
            await host.Blobs.ExistsAsync(
                BlobNames.Uncertainty(study, "tiny-sr@1.0.0", "s1"),
                default
            )
        );
        Assert.False(await host.Blobs.ExistsAsync(output.Output, default));
    }

    [Fact]
    public async Task A_redelivery_publishes_again_and_leaves_the_volume_alone()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study(StudyPriority.Stat);
        var output = await host.PlanAsync(
            study,
            ModelHost.Scan((1, 1, 4)),
            OutputKind.SuperResolution,
            "tiny-sr@1.0.0"
        );
        var there = new Volume<float>(VolumeGeometry.Ras((1, 1, 1), (1, 1, 1)), [7]);
        await host.Volumes.TryCreateAsync(output.Output, there, default);
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<VolumeSuperResolved>();
        Assert.Equal(
            7,
            Assert.Single((await host.Volumes.ReadImageAsync(output.Output, default)).Voxels)
        );
    }

    [Fact]
    public async Task A_model_that_is_not_installed_rejects_the_study()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study();
        var output = await host.PlanAsync(
            study,
            ModelHost.Scan((1, 1, 4)),
            OutputKind.SuperResolution,
            "tiny-sr@3.0.0"
        );
        await host.SendAsync(study, output);
        var rejected = Assert.Single(await host.Messages.WaitAsync<StudyRejected>());
        Assert.Equal(
            (RejectionReason.UnknownModel, "super-resolution"),
            (rejected.Reason, rejected.Stage)
        );
    }

    private static Task<PlannedOutput> PlanAsync(
        ModelHost host,
        StudyContext study,
        params Volume<float>[] frames
    ) => host.PlanAsync(study, frames, OutputKind.SuperResolution, "tiny-sr@1.0.0");
}
