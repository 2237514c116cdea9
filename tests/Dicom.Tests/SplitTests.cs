using System.Globalization;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>Several volumes in one series are told apart by what differs between slices at one place, or refused.</summary>
public class SplitTests
{
    private const uint ImageType = 0x0008_0008;
    private const uint ScanningSequence = 0x0018_0020;
    private const uint RepetitionTime = 0x0018_0080;
    private const uint EchoTime = 0x0018_0081;
    private const uint FlipAngle = 0x0018_1314;
    private const uint TriggerTime = 0x0018_1060;
    private const uint BValue = 0x0018_9087;
    private const uint Gradient = 0x0018_9089;
    private const uint Acquisition = 0x0020_0012;
    private const uint TemporalPosition = 0x0020_0100;
    private const int Slices = 4;

    private static (uint Tag, string Vr, byte[] Value) Text(uint tag, string vr, string text) =>
        (tag, vr, DicomSliceFile.Words(text));

    private static (uint Tag, string Vr, byte[] Value) Number(uint tag, string vr, double value) =>
        Text(tag, vr, value.ToString(CultureInfo.InvariantCulture));

    private static (uint Tag, string Vr, byte[] Value) Doubles(uint tag, params double[] values) =>
        (tag, "FD", [.. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>A stack of slices, each filled with one value; what it is among others is told for each slice.</summary>
    private static IEnumerable<DicomSliceFile> Stack(
        int value,
        Func<int, (uint Tag, string Vr, byte[] Value)[]> elements
    ) =>
        Enumerable
            .Range(0, Slices)
            .Select(k => new DicomSliceFile
            {
                SopInstanceUid = $"1.2.3.4.{value}.{k}",
                Position = [0, 0, 3 * k],
                Pixels = [.. Enumerable.Repeat(value, 48)],
                Elements = elements(k),
            });

    private static IReadOnlyList<DicomVolume> Open(params IEnumerable<DicomSliceFile>[] stacks) =>
        DicomSeries.Open(stacks.SelectMany(slices => slices).Reverse().Select(s => s.Opener()));

    private static VolumeException Refused(
        VolumeFault fault,
        params IEnumerable<DicomSliceFile>[] stacks
    )
    {
        var refusal = Assert.Throws<VolumeException>(() => Open(stacks));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    private static void AssertVolumes(
        IReadOnlyList<DicomVolume> volumes,
        params (string Label, int Value)[] expected
    )
    {
        Assert.Equal(expected.Select(one => one.Label), volumes.Select(volume => volume.Label));
        foreach (var ((_, value), volume) in expected.Zip(volumes))
        {
            AssertFrames(volume, null, value);
        }
    }

    private static void AssertFrames(DicomVolume volume, double[]? timesMs, params int[] expected)
    {
        Assert.Equal(expected.Length, volume.Frames);
        Assert.Equal(timesMs, volume.FrameTimesMs()?.Select(time => Math.Round(time, 6)));
        Assert.Equal(expected.Length * Slices, volume.Origins().Count);
        foreach (var (frame, value) in expected.Index())
        {
            var read = volume.Read(frame);
            Assert.Equal((8, 6, Slices), read.Geometry.Shape);
            Assert.Equal(
                new double[] { -1.25, 0, 0, 0, 0, -1.5, 0, 0, 0, 0, 3, 0 },
                read.Geometry.Affine.ToArray()
            );
            Assert.All(read.Voxels, voxel => Assert.Equal(value, voxel));
        }
    }

    [Fact]
    public void Echoes_and_components_are_volumes_with_what_they_are()
    {
        IEnumerable<DicomSliceFile> Of(int value, string type, double echo) =>
            Stack(
                value,
                _ =>
                    [
                        Text(ImageType, "CS", $"ORIGINAL\\PRIMARY\\{type}\\NONE"),
                        Number(EchoTime, "DS", echo),
                    ]
            );
        AssertVolumes(
            Open(Of(1, "M", 7.38), Of(2, "P", 4.92), Of(3, "M", 4.92), Of(4, "P", 7.38)),
            ("magnitude, echo time 4.92 ms", 3),
            ("magnitude, echo time 7.38 ms", 1),
            ("phase, echo time 4.92 ms", 2),
            ("phase, echo time 7.38 ms", 4)
        );
        AssertVolumes(
            Open(Of(1, "SW_M_FFE", 5), Of(2, "NOBODYS NAME", 5)),
            ("image type 1 of 2", 2),
            ("magnitude", 1)
        );
    }

    [Fact]
    public void Phases_of_a_cine_are_one_time_series_by_the_rank_of_their_trigger_times()
    {
        // Each slice has heart beats of its own.
        IEnumerable<DicomSliceFile> Phase(int n) =>
            Stack(10 + n, k => [Number(TriggerTime, "DS", (18 + 0.3 * k) * (2 * n + 1))]);
        var cine = Assert.Single(Open(Phase(2), Phase(0), Phase(1)));
        Assert.Equal("", cine.Label);
        AssertFrames(cine, [18.45, 55.35, 92.25], 10, 11, 12);
        Assert.Equal(
            from n in (int[])[10, 11, 12]
            from k in Enumerable.Range(0, Slices)
            select $"1.2.3.4.{n}.{k}",
            cine.Origins().Select(origin => origin.Instance.SopInstanceUid)
        );
    }

    [Fact]
    public void Magnitude_and_phase_of_a_cine_are_a_time_series_each()
    {
        IEnumerable<DicomSliceFile> Of(int value, string type, double time) =>
            Stack(
                value,
                _ =>
                    [
                        Text(ImageType, "CS", $"ORIGINAL\\PRIMARY\\{type}\\NONE"),
                        Number(TriggerTime, "DS", time),
                    ]
            );
        var series = Open(Of(1, "M", 40), Of(2, "P", 40), Of(3, "M", 0), Of(4, "P", 0));
        Assert.Equal(["magnitude", "phase"], series.Select(one => one.Label));
        AssertFrames(series[0], [0, 40], 3, 1);
        AssertFrames(series[1], [0, 40], 4, 2);
    }

    [Fact]
    public void A_functional_series_has_its_repetition_time_between_frames()
    {
        IEnumerable<DicomSliceFile> Volume(int n) =>
            Stack(
                n,
                _ =>
                    [
                        Text(ScanningSequence, "CS", "EP"),
                        Number(RepetitionTime, "DS", 720),
                        Number(Acquisition, "IS", n),
                    ]
            );
        var series = Assert.Single(Open([.. Enumerable.Range(1, 300).Reverse().Select(Volume)]));
        Assert.Equal(300, series.Frames);
        Assert.Equal(Enumerable.Range(0, 300).Select(n => n * 720.0), series.FrameTimesMs()!);
        Assert.All(series.Read(299).Voxels, voxel => Assert.Equal(300, voxel));
    }

    [Fact]
    public void Temporal_positions_of_which_nothing_says_the_time_have_none()
    {
        IEnumerable<DicomSliceFile> At(int n) =>
            Stack(n, _ => [Number(TemporalPosition, "IS", n), Number(RepetitionTime, "DS", 5)]);
        AssertFrames(Assert.Single(Open(At(2), At(1), At(3))), null, 1, 2, 3);
    }

    [Fact]
    public void Acquisitions_that_may_differ_in_more_than_time_are_volumes()
    {
        IEnumerable<DicomSliceFile> Of(int n) => Stack(n, _ => [Number(Acquisition, "IS", n)]);
        AssertVolumes(Open(Of(2), Of(1)), ("acquisition 1", 1), ("acquisition 2", 2));
        IEnumerable<DicomSliceFile> Diffusion(int n) =>
            Stack(
                n,
                _ =>
                    [
                        Text(ImageType, "CS", "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE"),
                        Text(ScanningSequence, "CS", "EP"),
                        Number(Acquisition, "IS", n),
                    ]
            );
        AssertVolumes(Open(Diffusion(1), Diffusion(2)), ("acquisition 1", 1), ("acquisition 2", 2));
        IEnumerable<DicomSliceFile> Flip(int n) =>
            Stack(n, _ => [Number(FlipAngle, "DS", n), Number(TemporalPosition, "IS", n)]);
        AssertVolumes(Open(Flip(15), Flip(2)), ("flip angle 2°", 2), ("flip angle 15°", 15));
    }

    [Fact]
    public void A_frame_that_misses_a_slice_or_lies_elsewhere_is_refused_by_its_time()
    {
        IEnumerable<DicomSliceFile> At(int n) => Stack(n, _ => [Number(TemporalPosition, "IS", n)]);
        Assert.Contains(
            "temporal position 2: 3 slices where the first time has 4",
            Refused(VolumeFault.BadGeometry, At(1), At(2).Skip(1), At(3)).Message
        );
        Assert.Contains(
            "temporal position 3: its slices lie elsewhere",
            Refused(
                VolumeFault.BadGeometry,
                At(1),
                At(2),
                At(3).Select(s => s with { Position = [5, 0, s.Position[2]] })
            ).Message
        );
    }

    [Fact]
    public void Five_hundred_directions_of_diffusion_are_a_volume_each()
    {
        IEnumerable<DicomSliceFile> Of(int n) =>
            Stack(
                n,
                _ =>
                    [
                        Doubles(BValue, 1000),
                        Doubles(Gradient, Math.Cos(0.01 * n), Math.Sin(0.01 * n), 0),
                    ]
            );
        var volumes = Open([.. Enumerable.Range(1, 512).Select(Of)]);
        Assert.Equal(512, volumes.Count);
        Assert.Equal(
            Enumerable.Range(1, 512),
            volumes.Select(volume => (int)volume.Read().Voxels[0]).Order()
        );
    }

    [Fact]
    public void Diffusion_is_split_by_strength_then_direction_then_time()
    {
        IEnumerable<DicomSliceFile> Of(int value, double b, int time, params double[] direction) =>
            Stack(
                value,
                _ =>
                    [
                        Doubles(BValue, b),
                        Doubles(Gradient, direction),
                        Number(TemporalPosition, "IS", time),
                    ]
            );
        AssertVolumes(
            Open(Of(1, 1000, 3, 0, 0, 1), Of(2, 0, 2), Of(3, 1000, 4, 1, 0, 0), Of(4, 0, 1)),
            ("b-value 0 s/mm², temporal position 1", 4),
            ("b-value 0 s/mm², temporal position 2", 2),
            ("b-value 1000 s/mm², gradient direction 1 of 2", 1),
            ("b-value 1000 s/mm², gradient direction 2 of 2", 3)
        );
    }

    [Fact]
    public void What_differs_from_slice_to_slice_alone_splits_nothing() =>
        AssertVolumes(
            Open(
                Stack(
                    7,
                    k =>
                        [
                            Text(ImageType, "CS", k % 2 == 0 ? "ORIGINAL\\M" : "ORIGINAL\\P"),
                            Number(Acquisition, "IS", k),
                        ]
                )
            ),
            ("", 7)
        );

    [Fact]
    public void Frames_of_an_enhanced_image_are_split_by_their_functional_groups()
    {
        var image = new DicomSliceFile
        {
            FramePositions =
            [
                .. Enumerable.Range(0, 2 * Slices).Select(n => new double[] { 0, 0, 3 * (n / 2) }),
            ],
            FrameElements =
            [
                .. Enumerable
                    .Range(0, 2 * Slices)
                    .Select(n =>
                        new (uint, uint, string, byte[])[]
                        {
                            (
                                0x0018_9114,
                                0x0018_9082,
                                "FD",
                                BitConverter.GetBytes(n % 2 == 0 ? 9.5 : 2)
                            ),
                        }
                    ),
            ],
            Pixels =
            [
                .. Enumerable.Range(0, 2 * Slices).SelectMany(n => Enumerable.Repeat(n % 2, 48)),
            ],
        };
        foreach (var syntax in new[] { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2" })
        {
            var file = image with { TransferSyntax = syntax };
            if (syntax == "1.2.840.10008.1.2.2")
            {
                file = file with
                {
                    FrameElements =
                    [
                        .. image.FrameElements.Select(frame =>
                            frame
                                .Select(e => (e.Group, e.Tag, e.Vr, e.Value.Reverse().ToArray()))
                                .ToArray()
                        ),
                    ],
                };
            }
            AssertVolumes(Open([file]), ("echo time 2 ms", 1), ("echo time 9.5 ms", 0));
        }
    }

    [Fact]
    public void A_volume_that_misses_a_slice_is_refused_by_its_name()
    {
        IEnumerable<DicomSliceFile> Echo(int value) =>
            Stack(value, _ => [Number(EchoTime, "DS", value)]);
        Assert.Contains(
            "echo time 5 ms: uneven slice increments of 3 to 6 mm",
            Refused(VolumeFault.BadGeometry, Echo(3), Echo(5).Where((_, k) => k != 1)).Message
        );
    }

    [Fact]
    public void What_nothing_tells_apart_and_what_is_too_many_is_refused()
    {
        IEnumerable<DicomSliceFile> Same(int value) => Stack(value, _ => []);
        Assert.Contains(
            "no attribute tells apart",
            Refused(VolumeFault.BadGeometry, Same(1), Same(2)).Message
        );
        Assert.Contains(
            "1025 volumes",
            Refused(
                VolumeFault.NotAVolume,
                [
                    .. Enumerable
                        .Range(1, 1025)
                        .Select(n => Stack(n, _ => [Number(EchoTime, "DS", n)])),
                ]
            ).Message
        );
        IEnumerable<DicomSliceFile> Single(int n) =>
            Stack(n, _ => [Number(TriggerTime, "DS", n)]).Take(1);
        Assert.Contains(
            "trigger time 1 ms: 1 slice",
            Refused(VolumeFault.NotAVolume, Single(1), Single(2)).Message
        );
        var several = Stack(1, _ => [Number(EchoTime, "DS", 1)])
            .Concat(Stack(2, _ => [Number(EchoTime, "DS", 2)]))
            .Select(s => s.Opener());
        var times = Stack(1, _ => [Number(TriggerTime, "DS", 1)])
            .Concat(Stack(2, _ => [Number(TriggerTime, "DS", 2)]))
            .Select(s => s.Opener());
        Assert.Contains(
            "a time series of 2 frames",
            Assert.Throws<VolumeException>(() => DicomSeries.ReadVolume(times)).Message
        );
        Assert.Contains(
            "2 volumes in one series",
            Assert.Throws<VolumeException>(() => DicomSeries.ReadVolume(several)).Message
        );
    }

    [Fact]
    public void An_instance_that_was_sent_twice_counts_once()
    {
        var slices = Stack(6, _ => []).ToArray();
        AssertVolumes(Open(slices, slices[1..3]), ("", 6));
        var changed = slices[1] with { Pixels = [.. Enumerable.Repeat(5, 48)] };
        Assert.Contains(
            "2 instances have one SOPInstanceUID",
            Refused(VolumeFault.CorruptData, slices, [changed]).Message
        );
    }
}
