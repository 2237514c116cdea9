using System.Buffers.Binary;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Ingest.Tests;

namespace Platform.Preprocessing.Tests;

/// <summary>A time series is one series, from whatever it comes.</summary>
public sealed class TimeSeriesTests
{
    private static readonly (int I, int J, int K) Shape = (24, 26, 8);
    private static readonly (double I, double J, double K) Spacing = (5, 5, 10);

    [Fact]
    public async Task A_4d_file_is_one_series_with_its_frames_and_their_times()
    {
        await using var host = await StartAsync();
        // A short-axis stack of eight slices, the least that passes; the index runs to the left and to the back.
        var geometry = new VolumeGeometry(Shape, [-5, 0, 0, 60, 0, -5, 0, 65, 0, 0, 10, -40]);
        Volume<float>[] frames = [.. Enumerable.Range(0, 5).Select(n => Scans.Noise(geometry, n))];
        var study = (await host.SubmitAsync([Scans.Gzip(Scans.TimeSeries(frames))])).Study;
        var command = (await host.Messages.WaitAsync<SegmentVolume>())[0];
        Assert.Equal(("s1", "cine@1.0.0"), (command.Series, command.Model));

        var plan = await PlanAsync(host, study);
        Assert.Single(plan.Outputs);
        var series = Assert.Single(plan.Series);
        Assert.Equal([24, 26, 8], series.Shape);
        Assert.Equal(5, series.Frames);
        Assert.Equal([0.0, 40, 80, 120, 160], series.FrameTimesMs!.Select(ms => Math.Round(ms, 4)));
        Assert.Equal("LPS", series.ReceivedOrientation);
        await AssertStoredAsync(host, study, [.. frames.Select(frame => frame[3, 5, 7])]);
    }

    [Fact]
    public async Task A_cine_of_single_images_is_one_series_in_the_order_of_its_trigger_times()
    {
        await using var host = await StartAsync();
        var phases = new[] { 80, 0, 40 }
            .Select(time => Scans.DicomHead(triggerTime: time))
            .ToArray();
        var study = (await host.SubmitAsync([.. phases.SelectMany(phase => phase)])).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var series = Assert.Single((await PlanAsync(host, study)).Series);
        Assert.Equal((3, null), (series.Frames, series.Part));
        Assert.Equal([0.0, 40, 80], series.FrameTimesMs!);
        var origin = await host.Blobs.ReadJsonAsync<SourceSeries>(
            BlobNames.Instances(study, "s1"),
            default
        );
        Assert.Equal((3, 60), (origin.Frames, origin.Slices.Count));
        Assert.Equal(60, origin.Slices.Select(slice => slice.SopInstanceUid).Distinct().Count());
        var header = await HeaderAsync(host, study);
        Assert.Equal((3, 40.0), (header.Frames, Math.Round(header.FrameIntervalMs!.Value, 4)));
    }

    [Fact]
    public async Task A_model_of_single_volumes_takes_no_time_series_and_one_of_time_series_no_volume()
    {
        await using var host = await StartAsync();
        var study = (
            await host.SubmitAsync([Scans.TimeSeries(4, Shape, Spacing), Scans.Head()])
        ).Study;
        var commands = await host.Messages.WaitAsync<SegmentVolume>(2);
        Assert.Equal(
            [("s1", "cine@1.0.0"), ("s2", "brain@1.0.0")],
            commands.Select(command => (command.Series, command.Model)).Order()
        );
        var plan = await PlanAsync(host, study);
        Assert.Equal([4, 1], plan.Series.Select(series => series.Frames));
        Assert.Null(plan.Series[1].FrameTimesMs);
        var alignment = plan.Series[0].Alignment!;
        Assert.Equal(AlignmentOutcome.NotTried, alignment.Outcome);
        Assert.Contains("a time series of 4 frames", alignment.Detail, StringComparison.Ordinal);
        Assert.Null(plan.Series[1].Alignment);
    }

    [Fact]
    public async Task Frames_whose_times_the_file_does_not_say_have_none()
    {
        await using var host = await StartAsync();
        var bytes = Scans.TimeSeries(3, Shape, Spacing);
        bytes[123] = 2;
        var study = (await host.SubmitAsync([bytes])).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var series = Assert.Single((await PlanAsync(host, study)).Series);
        Assert.Equal(3, series.Frames);
        Assert.Null(series.FrameTimesMs);
        Assert.Null((await HeaderAsync(host, study)).FrameIntervalMs);
    }

    public static TheoryData<string, RejectionReason, string> Bad =>
        new()
        {
            { "truncated", RejectionReason.CorruptData, "frame 3 of 4" },
            { "NaN", RejectionReason.BadVoxels, "1 of 4992 voxels in frame 2 of 4" },
            { "constant", RejectionReason.BadVoxels, "frame 4 of 4: every voxel is 3" },
            { "thin", RejectionReason.NotAVolume, "frame 1 of 4: 24×26×7 voxels" },
            {
                "long",
                RejectionReason.TooLarge,
                "51 frames, the limit is 50 (Preprocessing:MaxFrames)"
            },
            {
                "large",
                RejectionReason.TooLarge,
                "the limit for all is 200000 (Preprocessing:MaxSeriesVoxels)"
            },
            { "five dimensions", RejectionReason.NotAVolume, "dimension 5 has 4 entries" },
        };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_bad_time_series_is_rejected_with_its_reason_and_frame(
        string scan,
        RejectionReason reason,
        string says
    )
    {
        await using var host = await StartAsync(
            new()
            {
                ["Preprocessing:MaxFrames"] = "50",
                ["Preprocessing:MaxSeriesVoxels"] = "200000",
            }
        );
        var whole = Scans.TimeSeries(4, Shape, Spacing);
        byte[] bytes = scan switch
        {
            "truncated" => Scans.Gzip(whole[..(whole.Length * 5 / 8)]),
            "NaN" => With(whole, 1, float.NaN),
            "constant" => Constant(whole),
            "thin" => Scans.TimeSeries(4, (24, 26, 7), Spacing),
            "long" => Scans.TimeSeries(51, (8, 8, 8), Spacing),
            "large" => Scans.TimeSeries(41, Shape, Spacing),
            _ => FiveDimensions(whole),
        };
        var study = (await host.SubmitAsync([bytes])).Study;
        var rejected = (await host.Messages.WaitAsync<StudyRejected>())[0];
        Assert.Equal(reason, rejected.Reason);
        Assert.Contains("file 1 of 1", rejected.Detail, StringComparison.Ordinal);
        Assert.Contains(says, rejected.Detail, StringComparison.Ordinal);
        Assert.False(await host.Blobs.ExistsAsync(BlobNames.Volume(study, "s1"), default));
    }

    private static byte[] With(byte[] series, int frame, float value)
    {
        BinaryPrimitives.WriteSingleLittleEndian(
            series.AsSpan(352 + 4 * (4992 * frame + 7)),
            value
        );
        return series;
    }

    private static byte[] Constant(byte[] series)
    {
        for (var n = 0; n < 4992; n++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(series.AsSpan(352 + 4 * (4992 * 3 + n)), 3);
        }
        return series;
    }

    private static byte[] FiveDimensions(byte[] series)
    {
        BinaryPrimitives.WriteInt16LittleEndian(series.AsSpan(40), 5);
        BinaryPrimitives.WriteInt16LittleEndian(series.AsSpan(48), 1);
        BinaryPrimitives.WriteInt16LittleEndian(series.AsSpan(50), 4);
        return series;
    }

    /// <summary>Of each frame the voxel that was at (3, 5, 7).</summary>
    private static async Task AssertStoredAsync(
        IntakeHost host,
        StudyContext study,
        float[] expected
    )
    {
        var voxels = new List<float>();
        await foreach (
            var frame in host.Service<VolumeStore>()
                .ReadFramesAsync<float>(BlobNames.Volume(study, "s1"), default)
        )
        {
            Assert.Equal("RAS", frame.Geometry.Orientation);
            voxels.Add(frame[20, 20, 7]);
        }
        Assert.Equal(expected, voxels);
    }

    private static async Task<VolumeHeader> HeaderAsync(IntakeHost host, StudyContext study)
    {
        await using var stream = await host.Blobs.OpenReadAsync(
            BlobNames.Volume(study, "s1"),
            default
        );
        return NiftiReader.ReadHeader(stream);
    }

    private static Task<IntakeHost> StartAsync(Dictionary<string, string?>? settings = null) =>
        IntakeHost.StartAsync(
            settings,
            preprocessing: ["brain", "cine"],
            install: Packages.Install(Packages.Brain(), Packages.Cine())
        );

    private static Task<StudyPlan> PlanAsync(IntakeHost host, StudyContext study) =>
        host.Blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), default);
}
