using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Segmentation.Tests;

public sealed class SegmentVolumeTests
{
    [Theory]
    [InlineData(StudyPriority.Routine, false)]
    [InlineData(StudyPriority.Stat, true)]
    public async Task A_command_of_either_queue_leaves_labels_provenance_and_an_event(
        StudyPriority priority,
        bool notForDiagnosis
    )
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study(priority);
        var scan = ModelHost.Scan((2, 2, 2));
        var output = await host.PlanAsync(
            study,
            scan,
            OutputKind.Segmentation,
            "tiny@1.0.0",
            notForDiagnosis
        );
        await host.SendAsync(study, output);

        var done = Assert.Single(await host.Messages.WaitAsync<VolumeSegmented>());
        Assert.Equal((study, "s1", "tiny@1.0.0"), (done.Study, done.Series, done.Model));
        var labels = await host.Volumes.ReadLabelsAsync(output.Output, default);
        Assert.True(scan.Geometry.IsCloseTo(labels.Geometry));
        Assert.Equal(0, labels[10, 16, 6]);
        Assert.Equal(1, labels[22, 16, 6]);
        var provenance = await host.Blobs.ReadJsonAsync<OutputProvenance>(
            BlobNames.Provenance(study, "tiny@1.0.0", "s1"),
            default
        );
        var plan = await host.Blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), default);
        Assert.Equal(notForDiagnosis, provenance.NotForDiagnosis);
        Assert.Equal(plan.Series[0].VolumeDigest, provenance.InputDigest);
        Assert.Equal("cpu", provenance.ExecutionProvider);
        Assert.Equal(64, provenance.ModelDigest.Length);
        Assert.Equal(["fetch", "infer", "prepare", "restore"], provenance.Seconds.Keys.Order());
    }

    [Fact]
    public async Task Each_frame_of_a_time_series_is_segmented_as_it_would_be_alone()
    {
        await using var host = await ModelHost.StartAsync();
        // The bright half grows from frame to frame.
        Volume<float>[] frames = [.. Enumerable.Range(0, 3).Select(Frame)];
        var alone = new List<byte[]>();
        foreach (var frame in frames)
        {
            var one = ModelHost.Study();
            var single = await host.PlanAsync(one, frame, OutputKind.Segmentation, "tiny@1.0.0");
            await host.SendAsync(one, single);
            await host.Messages.WaitAsync<VolumeSegmented>(alone.Count + 1);
            alone.Add((await host.Volumes.ReadLabelsAsync(single.Output, default)).Voxels);
        }
        var study = ModelHost.Study();
        var output = await host.PlanAsync(study, frames, OutputKind.Segmentation, "tiny@1.0.0");
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<VolumeSegmented>(4);

        var labels = new List<byte[]>();
        await foreach (var frame in host.Volumes.ReadFramesAsync<byte>(output.Output, default))
        {
            labels.Add(frame.Voxels);
        }
        Assert.Equal(alone, labels);
        Assert.Equal(
            3,
            labels.Select(frame => frame.Count(voxel => voxel == 1)).Distinct().Count()
        );
        await using var stored = await host.Blobs.OpenReadAsync(output.Output, default);
        Assert.Equal(50, NiftiReader.ReadHeader(stored).FrameIntervalMs!.Value, 1e-4);
        var provenance = await host.Blobs.ReadJsonAsync<OutputProvenance>(
            BlobNames.Provenance(study, "tiny@1.0.0", "s1"),
            default
        );
        Assert.Equal(["fetch", "infer", "prepare", "restore"], provenance.Seconds.Keys.Order());

        static Volume<float> Frame(int n)
        {
            var frame = ModelHost.Scan((2, 2, 2));
            for (var voxel = 0; voxel < frame.Voxels.Length; voxel++)
            {
                if (frame.Voxels[voxel] > 0 && voxel % 32 >= 16 - 3 * n)
                {
                    frame.Voxels[voxel] = 1000;
                }
            }
            return frame;
        }
    }

    [Fact]
    public async Task A_frame_without_contrast_rejects_the_study_and_leaves_no_labels()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study();
        var good = ModelHost.Scan((2, 2, 2));
        var output = await host.PlanAsync(
            study,
            [good, new Volume<float>(good.Geometry)],
            OutputKind.Segmentation,
            "tiny@1.0.0"
        );
        await host.SendAsync(study, output);
        var rejected = Assert.Single(await host.Messages.WaitAsync<StudyRejected>());
        Assert.Equal(RejectionReason.BadVoxels, rejected.Reason);
        Assert.False(await host.Blobs.ExistsAsync(output.Output, default));
    }

    [Fact]
    public async Task A_redelivery_publishes_again_and_leaves_the_labels_alone()
    {
        await using var host = await ModelHost.StartAsync();
        var study = ModelHost.Study();
        var output = await host.PlanAsync(
            study,
            ModelHost.Scan((2, 2, 2)),
            OutputKind.Segmentation,
            "tiny@1.0.0"
        );
        // Other labels than the network would make: they must stay.
        var there = new Volume<byte>(VolumeGeometry.Ras((1, 1, 1), (1, 1, 1)), [7]);
        await host.Volumes.TryCreateAsync(output.Output, there, default);
        await host.SendAsync(study, output);
        await host.SendAsync(study, output);
        await host.Messages.WaitAsync<VolumeSegmented>(2);
        Assert.Equal(
            7,
            Assert.Single((await host.Volumes.ReadLabelsAsync(output.Output, default)).Voxels)
        );
    }

    [Fact]
    public async Task A_model_that_is_not_installed_rejects_the_study_and_names_those_that_are()
    {
        await using var host = await ModelHost.StartAsync();
        var rejected = await RejectAsync(host, "tiny@9.0.0", ModelHost.Scan((2, 2, 2)));
        Assert.Equal(RejectionReason.UnknownModel, rejected.Reason);
        Assert.Equal("segmentation", rejected.Stage);
        Assert.Contains("'tiny@9.0.0'", rejected.Detail, StringComparison.Ordinal);
        Assert.Contains("tiny@1.0.0", rejected.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_network_that_is_not_what_its_manifest_says_rejects_the_study()
    {
        var digest = new string('a', 64);
        await using var host = await ModelHost.StartAsync(install: path =>
            TinyPackage.Segmentation(path, digest: digest)
        );
        var rejected = await RejectAsync(host, "tiny@1.0.0", ModelHost.Scan((2, 2, 2)));
        Assert.Equal(RejectionReason.ModelDigestMismatch, rejected.Reason);
        Assert.Contains(digest, rejected.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_volume_without_contrast_rejects_the_study()
    {
        await using var host = await ModelHost.StartAsync();
        var flat = new Volume<float>(VolumeGeometry.Ras((8, 8, 8), (2, 2, 2)));
        var rejected = await RejectAsync(host, "tiny@1.0.0", flat);
        Assert.Equal(RejectionReason.BadVoxels, rejected.Reason);
    }

    [Fact]
    public async Task Twelve_studies_in_flight_are_all_segmented_alike()
    {
        await using var host = await ModelHost.StartAsync();
        var scan = ModelHost.Scan((1.1, 1.3, 2.5));
        var studies = Enumerable.Range(0, 12).Select(_ => ModelHost.Study()).ToArray();
        var outputs = new List<PlannedOutput>();
        foreach (var study in studies)
        {
            outputs.Add(await host.PlanAsync(study, scan, OutputKind.Segmentation, "tiny@1.0.0"));
        }
        await Task.WhenAll(studies.Zip(outputs).Select(s => host.SendAsync(s.First, s.Second)));
        await host.Messages.WaitAsync<VolumeSegmented>(12);
        var first = (await host.Volumes.ReadLabelsAsync(outputs[0].Output, default)).Voxels;
        foreach (var output in outputs)
        {
            Assert.Equal(
                first,
                (await host.Volumes.ReadLabelsAsync(output.Output, default)).Voxels
            );
        }
    }

    private static async Task<StudyRejected> RejectAsync(
        ModelHost host,
        string model,
        Volume<float> volume
    )
    {
        var study = ModelHost.Study();
        var output = await host.PlanAsync(study, volume, OutputKind.Segmentation, model);
        await host.SendAsync(study, output);
        var rejected = Assert.Single(await host.Messages.WaitAsync<StudyRejected>());
        Assert.Equal(study, rejected.Study);
        Assert.False(await host.Blobs.ExistsAsync(output.Output, default));
        return rejected;
    }
}
