using MassTransit;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Ingest.Tests;

namespace Platform.Preprocessing.Tests;

public sealed class PreprocessingTests
{
    private static readonly string[] Models = ["brain", "fine-brain", "thick-slices"];

    [Fact]
    public async Task A_scan_becomes_a_canonical_volume_a_plan_and_a_command()
    {
        await using var host = await StartAsync();
        // The index runs to the left, to the back and upwards.
        var received = Scans.Noise(
            new VolumeGeometry((20, 24, 22), [-8, 0, 0, 80, 0, -8, 0, 90, 0, 0, 8, -70]),
            seed: 4
        );
        var study = (
            await host.SubmitAsync([Scans.Bytes(received, NiftiCompression.Gzip)], "priority=stat")
        ).Study;
        var command = (await host.Messages.WaitAsync<SegmentVolume>())[0];
        Assert.Equal(("s1", "brain@1.1.0"), (command.Series, command.Model));
        Assert.Equal(StudyPriority.Stat, command.Study.Priority);

        var plan = await PlanAsync(host, study);
        var series = Assert.Single(plan.Series);
        Assert.Equal("LPS", series.ReceivedOrientation);
        Assert.Equal([20, 24, 22], series.Shape);
        Assert.Equal([8.0, 8.0, 8.0], series.SpacingMm);
        Assert.True(plan.Seconds > 0);
        Assert.Null(series.Scanner);
        Assert.InRange(series.Statistics!.Foreground, 0.5, 1);

        var name = BlobNames.Volume(study, "s1");
        var volume = await host.Service<VolumeStore>().ReadImageAsync(name, default);
        Assert.Equal("RAS", volume.Geometry.Orientation);
        Assert.Equal(received[3, 5, 7], volume[16, 18, 7]);
        Assert.Equal(received.Geometry.ToWorld(3, 5, 7), volume.Geometry.ToWorld(16, 18, 7));
        await using var stored = await host.Blobs.OpenReadAsync(name, default);
        Assert.Equal(
            series.VolumeDigest,
            Convert.ToHexStringLower(
                await System.Security.Cryptography.SHA256.HashDataAsync(stored)
            )
        );
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2.1", false)]
    [InlineData("1.2.840.10008.1.2", true)]
    [InlineData("1.2.840.10008.1.2.2", false)]
    [InlineData("1.2.840.10008.1.2.1.99", false)]
    public async Task Dicom_instances_are_one_series(string syntax, bool isBare)
    {
        await using var host = await StartAsync(
            new() { ["Ingest:Deidentification:RetainDeviceIdentity"] = "true" }
        );
        var files = Scans.DicomHead(transferSyntax: syntax, isBare: isBare);
        var study = (await host.SubmitAsync(files)).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var series = Assert.Single((await PlanAsync(host, study)).Series);
        Assert.Equal([20, 24, 20], series.Shape);
        Assert.Equal([8.0, 8.0, 8.0], series.SpacingMm);
        Assert.Equal("LPS", series.ReceivedOrientation);
        Assert.Equal("ACME Vision 3T", series.Scanner);
        Assert.Null(series.Part);
    }

    [Fact]
    public async Task Instances_of_two_series_are_two_series_in_whatever_order_they_come()
    {
        await using var host = await StartAsync();
        var (first, second) = (Scans.DicomHead(1), Scans.DicomHead(2));
        var mixed = first.Zip(second).SelectMany(pair => (byte[][])[pair.First, pair.Second]);
        var study = (await host.SubmitAsync([.. mixed])).Study;
        await host.Messages.WaitAsync<SegmentVolume>(2);
        var plan = await PlanAsync(host, study);
        Assert.Equal(["s1", "s2"], plan.Series.Select(series => series.Series));
        Assert.NotEqual(plan.Series[0].VolumeDigest, plan.Series[1].VolumeDigest);
        Assert.All(plan.Series, series => Assert.Equal([20, 24, 20], series.Shape));
        Assert.Empty(plan.RefusedSeries);
        var manifest = await host.Blobs.ReadJsonAsync<StudyManifest>(
            BlobNames.Manifest(study),
            default
        );
        Assert.All(manifest.Items, item => Assert.Matches("^[0-9a-f]{32}$", item.SeriesKey));
    }

    [Fact]
    public async Task Echoes_of_one_series_are_volumes_with_their_names()
    {
        await using var host = await StartAsync();
        var study = (
            await host.SubmitAsync([.. Scans.DicomHead(echo: 9), .. Scans.DicomHead(echo: 5)])
        ).Study;
        await host.Messages.WaitAsync<SegmentVolume>(2);
        var plan = await PlanAsync(host, study);
        Assert.Equal(
            [("s1", "echo time 5 ms"), ("s2", "echo time 9 ms")],
            plan.Series.Select(series => (series.Series, series.Part))
        );
        Assert.Empty(plan.RefusedSeries);
    }

    [Fact]
    public async Task A_localiser_beside_a_volume_is_named_and_the_volume_analysed()
    {
        await using var host = await StartAsync();
        var study = (
            await host.SubmitAsync([.. Scans.DicomHead(2)[..1], .. Scans.DicomHead(1)])
        ).Study;
        await host.Messages.WaitAsync<SegmentVolume>();
        var plan = await PlanAsync(host, study);
        Assert.Equal("s1", Assert.Single(plan.Series).Series);
        var refused = Assert.Single(plan.RefusedSeries);
        Assert.Equal("series 1 of 2, of 1 instances", refused.Source);
        Assert.Equal(RejectionReason.NotAVolume, refused.Reason);
        Assert.StartsWith("series 1 of 2, of 1 instances: ", refused.Detail);
    }

    [Fact]
    public async Task Where_no_series_is_a_volume_the_study_is_refused_with_all_reasons()
    {
        await using var host = await StartAsync();
        await host.SubmitAsync([.. Scans.DicomHead(1)[..1], .. Scans.DicomHead(2)[..1]]);
        var rejected = (await host.Messages.WaitAsync<StudyRejected>())[0];
        Assert.Equal(RejectionReason.NotAVolume, rejected.Reason);
        Assert.Contains("series 1 of 2", rejected.Detail, StringComparison.Ordinal);
        Assert.Contains("; series 2 of 2", rejected.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("1.2.826", rejected.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_files_are_several_series()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([Scans.Head(1), Scans.Gzip(Scans.Head(2))])).Study;
        var commands = await host.Messages.WaitAsync<SegmentVolume>(2);
        Assert.Equal(["s1", "s2"], commands.Select(command => command.Series).Order());
        Assert.Equal(2, (await PlanAsync(host, study)).Series.Count);
    }

    [Fact]
    public async Task Thick_slices_are_segmented_again_once_they_are_super_resolved()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([Scans.Plain((64, 64, 16), (3, 3, 10))])).Study;
        var native = (await host.Messages.WaitAsync<SegmentVolume>())[0];
        var finer = (await host.Messages.WaitAsync<SuperResolveVolume>())[0];
        Assert.Equal(("s1", "brain@1.1.0"), (native.Series, native.Model));

        var plan = await PlanAsync(host, study);
        var output = plan.Outputs.Single(o => o.Kind == OutputKind.SuperResolution);
        await host.Blobs.TryCreateJsonAsync(output.Output, "a volume", default);
        await host.Service<IBus>()
            .Publish(
                new VolumeSuperResolved
                {
                    Study = native.Study,
                    Series = finer.Series,
                    Model = finer.Model,
                }
            );
        var again = await host.Messages.WaitAsync<SegmentVolume>(2, c => c.Series == "s1-sr");
        Assert.Equal(
            ["brain@1.1.0", "fine-brain@1.0.0"],
            again.Select(command => command.Model).Order()
        );
        Assert.Single(host.Messages.Of<SegmentVolume>(), command => command.Series == "s1");
    }

    [Fact]
    public async Task A_redelivery_sends_only_what_is_missing_and_nothing_once_the_report_exists()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([Scans.Head(1), Scans.Head(2)])).Study;
        var commands = await host.Messages.WaitAsync<SegmentVolume>(2);
        await host.Blobs.TryCreateJsonAsync(
            BlobNames.Labels(study, "brain@1.1.0", "s1"),
            "labels",
            default
        );
        var received = new StudyReceived { Study = commands[0].Study };
        var bus = host.Service<IBus>();
        await bus.Publish(received);
        await host.Messages.WaitAsync<SegmentVolume>(2, command => command.Series == "s2");
        await host.Blobs.TryCreateJsonAsync(BlobNames.Report(study), "report", default);
        await bus.Publish(received);
        await host.Messages.WaitAsync<StudyReceived>(3);
        await host.SubmitAsync([Scans.Head(3)]);
        await host.Messages.WaitAsync<SegmentVolume>(4);
        Assert.Single(
            host.Messages.Of<SegmentVolume>(),
            c => c.Series == "s1" && c.Study.StudyId == study.StudyId
        );
    }

    [Fact]
    public async Task A_study_that_was_prepared_halfway_is_completed_the_same()
    {
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([Scans.Head(1), Scans.Head(2)])).Study;
        var command = (await host.Messages.WaitAsync<SegmentVolume>(2))[0];
        var plan = await PlanAsync(host, study);
        await host.Blobs.DeleteAsync(BlobNames.Plan(study), default);
        await host.Blobs.DeleteAsync(BlobNames.Volume(study, "s2"), default);
        await host.Service<IBus>().Publish(new StudyReceived { Study = command.Study });
        await host.Messages.WaitAsync<SegmentVolume>(4);
        var again = await PlanAsync(host, study);
        Assert.Equal(plan.Outputs, again.Outputs);
        Assert.Equal(
            plan.Series.Select(series => series.VolumeDigest),
            again.Series.Select(series => series.VolumeDigest)
        );
    }

    [Fact]
    public async Task Only_the_models_asked_for_run()
    {
        await using var host = await StartAsync();
        await host.SubmitAsync([Scans.Plain((60, 60, 60), (3, 3, 3))], "models=brain@1.0.0");
        var command = (await host.Messages.WaitAsync<SegmentVolume>())[0];
        Assert.Equal("brain@1.0.0", command.Model);
        var study = command.Study;
        Assert.Single((await PlanAsync(host, study)).Outputs);
    }

    public static TheoryData<string, RejectionReason, string> BadScans =>
        new()
        {
            { nameof(Scans.TruncatedGzip), RejectionReason.CorruptData, "9600 voxels" },
            { nameof(Scans.PromisesMoreVoxels), RejectionReason.CorruptData, "voxels" },
            { nameof(Scans.WithNaN), RejectionReason.BadVoxels, "1 of 9600 voxels" },
            { nameof(Scans.Constant), RejectionReason.BadVoxels, "every voxel is 0" },
            { "zero spacing", RejectionReason.BadGeometry, "spacing" },
            { "negative spacing", RejectionReason.BadGeometry, "spacing" },
            { nameof(Scans.WithSingularAffine), RejectionReason.BadGeometry, "singular" },
            { nameof(Scans.OneSlice), RejectionReason.NotAVolume, "200×200×1 voxels" },
            {
                nameof(Scans.FourDimensional),
                RejectionReason.NoMatchingModel,
                "needs a single volume, this is a time series of 2"
            },
            { nameof(Scans.BillionVoxels), RejectionReason.TooLarge, "1000000000 voxels" },
            { "text", RejectionReason.UnsupportedFormat, "" },
            { "tiny head", RejectionReason.NoMatchingModel, "brain@1.1.0 needs a field of view" },
        };

    [Theory]
    [MemberData(nameof(BadScans))]
    public async Task A_bad_scan_is_rejected_with_its_reason_its_position_and_the_number_at_fault(
        string scan,
        RejectionReason reason,
        string says
    )
    {
        var bytes = scan switch
        {
            nameof(Scans.TruncatedGzip) => Scans.TruncatedGzip(),
            nameof(Scans.PromisesMoreVoxels) => Scans.PromisesMoreVoxels(),
            nameof(Scans.WithNaN) => Scans.WithNaN(),
            nameof(Scans.Constant) => Scans.Constant(),
            "zero spacing" => Scans.WithSpacing(0),
            "negative spacing" => Scans.WithSpacing(-2),
            nameof(Scans.WithSingularAffine) => Scans.WithSingularAffine(),
            nameof(Scans.OneSlice) => Scans.OneSlice(),
            nameof(Scans.FourDimensional) => Scans.FourDimensional(),
            nameof(Scans.BillionVoxels) => Scans.BillionVoxels(),
            "text" => [.. Enumerable.Repeat((byte)'x', 1000)],
            _ => Scans.Plain((20, 20, 20), (1, 1, 1)),
        };
        await using var host = await StartAsync();
        var study = (await host.SubmitAsync([bytes])).Study;
        var rejected = (await host.Messages.WaitAsync<StudyRejected>())[0];
        Assert.Equal(reason, rejected.Reason);
        Assert.Equal("preprocessing", rejected.Stage);
        Assert.Contains(says, rejected.Detail, StringComparison.Ordinal);
        Assert.Contains(
            reason == RejectionReason.NoMatchingModel ? "s1" : "file 1 of 1",
            rejected.Detail,
            StringComparison.Ordinal
        );
        Assert.False(await host.Blobs.ExistsAsync(BlobNames.Plan(study), default));
        Assert.Empty(host.Messages.Of<SegmentVolume>());
    }

    [Fact]
    public async Task The_bad_one_of_several_files_is_named_by_its_position()
    {
        await using var host = await StartAsync();
        var files = (byte[][])[Scans.Head(1), Scans.WithNaN(), Scans.Head(2)];
        var study = (await host.SubmitAsync(files)).Study;
        await host.Messages.WaitAsync<SegmentVolume>(2);
        var plan = await PlanAsync(host, study);
        Assert.Equal(["s1", "s2"], plan.Series.Select(series => series.Series));
        var refused = Assert.Single(plan.RefusedSeries);
        Assert.Equal(("file 2 of 3", RejectionReason.BadVoxels), (refused.Source, refused.Reason));
        Assert.StartsWith("file 2 of 3: ", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_model_is_rejected_with_those_that_are_installed()
    {
        await using var host = await StartAsync();
        await host.SubmitAsync([Scans.Head()], "models=kidney");
        var rejected = (await host.Messages.WaitAsync<StudyRejected>())[0];
        Assert.Equal(RejectionReason.UnknownModel, rejected.Reason);
        Assert.Contains("'kidney'", rejected.Detail, StringComparison.Ordinal);
        Assert.Contains("brain@1.1.0", rejected.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_of_an_image_has_its_reason()
    {
        foreach (var fault in Enum.GetValues<VolumeFault>())
        {
            Assert.Equal(fault.ToString(), RejectionReasons.Of(fault).ToString());
        }
    }

    [Fact]
    public async Task What_names_a_patient_is_nowhere_but_in_a_NIfTI_file_as_it_was_sent()
    {
        const string canary = "CANARYDOE";
        await using var host = await StartAsync();
        byte[][][] studies =
        [
            [Described(canary)],
            [Scans.WithNaN()],
            Scans.DicomHead(1, canary),
            [Scans.DicomHead(2, canary)[0]],
        ];
        foreach (var (n, files) in studies.Index())
        {
            using var form = new MultipartFormDataContent
            {
                { new StringContent($"{canary} {n}"), "reference" },
            };
            foreach (var file in files)
            {
                form.Add(new ByteArrayContent(file), "file", $"{canary}.nii.gz");
            }
            using var response = await host.Client.PostAsync("/api/studies", form);
            Assert.DoesNotContain(
                canary,
                await response.Content.ReadAsStringAsync(),
                StringComparison.OrdinalIgnoreCase
            );
        }
        await host.Messages.WaitAsync<SegmentVolume>(2);
        await host.Messages.WaitAsync<StudyRejected>(2);
        var metrics = await host.Client.GetStringAsync("/metrics");
        foreach (var text in (string[])[host.Messages.Json(), host.Log.Text, metrics])
        {
            Assert.DoesNotContain(canary, text, StringComparison.OrdinalIgnoreCase);
        }
        foreach (var name in await host.BlobNamesAsync())
        {
            Assert.DoesNotContain(canary, name, StringComparison.OrdinalIgnoreCase);
            if (!name.EndsWith(".nii", StringComparison.Ordinal))
            {
                var bytes = await File.ReadAllBytesAsync(host.Folder[name]);
                Assert.Equal(-1, bytes.AsSpan().IndexOf("CANARYDOE"u8));
            }
        }
    }

    /// <summary>A scan whose header describes the patient.</summary>
    private static byte[] Described(string text)
    {
        var bytes = Scans.Head();
        System.Text.Encoding.ASCII.GetBytes(text).CopyTo(bytes.AsSpan(148));
        return bytes;
    }

    private static Task<IntakeHost> StartAsync(Dictionary<string, string?>? settings = null) =>
        IntakeHost.StartAsync(
            settings,
            preprocessing: Models,
            install: Packages.Install(
                Packages.Brain(),
                Packages.Brain("1.1.0"),
                Packages.FineBrain(),
                Packages.ThickSlices()
            )
        );

    private static Task<StudyPlan> PlanAsync(IntakeHost host, StudyContext study) =>
        host.Blobs.ReadJsonAsync<StudyPlan>(BlobNames.Plan(study), default);
}
