using System.Text.Json;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Imaging;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>A segmentation as a DICOM segmentation image, checked by dicom3tools and read back by dcmtk; the bits are unpacked here.</summary>
public sealed class SegmentationImageTests : IDisposable
{
    private static readonly StructureQuality Hippocampus = Structure(17, "left hippocampus") with
    {
        Snomed = new("5366008", "Hippocampal structure"),
        Side = "left",
    };
    private static readonly StructureQuality Amygdala = Structure(54, "right amygdala") with
    {
        Snomed = new("4958002", "Amygdala"),
        Side = "right",
    };
    private static readonly StructureQuality Fluid = Structure(24, "cerebrospinal fluid");

    /// <summary>41 × 7 pixels are 35 bytes and 7 bits, and longer than a vector: frames begin within bytes.</summary>
    private static readonly VolumeGeometry Oblique = Turned((41, 7, 9), (0.8, 1.1, 2.5));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void It_conforms_to_the_standard(bool notForDiagnosis, bool hasVoxels)
    {
        var labels = hasVoxels ? Scattered(Oblique) : new(Oblique);
        var file = Write(labels, notForDiagnosis, Hippocampus, Amygdala, Fluid);
        var (code, output) = DicomTools.Run("dciodvfy", file);
        Assert.True(code == 0, output);
        Assert.Contains("Segmentation", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Error", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(41, 7, 9)]
    [InlineData(3, 5, 4)]
    [InlineData(64, 32, 3)]
    public void Frames_lie_where_the_labels_do(int ni, int nj, int nk)
    {
        var labels = Scattered(Turned((ni, nj, nk), (0.8, 1.1, 2.5)));
        var image = DicomTools.Read(Write(labels, false, Hippocampus, Amygdala, Fluid));
        Assert.Equal(
            labels.Voxels,
            SegmentationReader.ReadBack(image, labels.Geometry, 17, 54, 24).Voxels
        );
        int[] values = [17, 54, 24];
        var expected = values.SelectMany(value =>
            Enumerable
                .Range(0, nk)
                .Where(k => labels.Voxels.AsSpan(k * ni * nj, ni * nj).Contains((byte)value))
                .Select(_ => value)
        );
        Assert.Equal(
            expected,
            SegmentationReader.Segments(image).Select(segment => values[segment - 1])
        );
    }

    [Fact]
    public void Indices_count_what_has_frames_and_a_structure_without_voxels_has_a_segment_and_none()
    {
        var labels = new Volume<byte>(Oblique);
        labels[3, 2, 2] = labels[4, 2, 2] = labels[4, 2, 7] = 17;
        labels[8, 5, 5] = 24;
        var image = DicomTools.Read(Write(labels, false, Hippocampus, Amygdala, Fluid));
        Assert.Equal([1.0, 2, 3], image.Values(0x0062_0002).Select(s => s.Numbers(0x0062_0004)[0]));
        Assert.Equal([1, 1, 3], SegmentationReader.Segments(image));
        Assert.Equal(
            [
                [1, 1],
                [1, 3],
                [2, 2],
            ],
            image
                .Values(SegmentationReader.PerFrame)
                .Select(f => f.Item(0x0020_9111).Numbers(0x0020_9157))
        );
        Assert.Equal(labels.Voxels, SegmentationReader.ReadBack(image, Oblique, 17, 54, 24).Voxels);
    }

    [Fact]
    public void A_time_series_has_the_frames_of_every_time_and_says_when()
    {
        Volume<byte>[] times = [new(Oblique), new(Oblique), new(Oblique)];
        times[0][3, 2, 2] = times[2][3, 2, 2] = times[2][4, 2, 7] = 17;
        times[2][8, 5, 5] = 24;
        var (report, output) = Report(false, Hippocampus, Amygdala, Fluid);
        var source = new ResultSource(
            new()
            {
                StudyInstanceUid = "2.25.1",
                SeriesInstanceUid = "2.25.2",
                Frames = 3,
                Slices =
                [
                    .. Enumerable
                        .Range(0, 27)
                        .Select(n => new SourceSlice("1.2.840.10008.5.1.4.1.1.4", $"2.25.3.{n}")),
                ],
            },
            null
        );
        var file = Write(SegmentationImage.Of(report, output, times, source));
        var (code, said) = DicomTools.Run("dciodvfy", file);
        Assert.True(code == 0, said);
        Assert.DoesNotContain("Error", said, StringComparison.Ordinal);
        var image = DicomTools.Read(file);
        // Segment, time, plane: segments and planes without frames are not counted, times are.
        Assert.Equal(
            [
                [1, 1, 1],
                [1, 3, 1],
                [1, 3, 3],
                [2, 3, 2],
            ],
            image
                .Values(SegmentationReader.PerFrame)
                .Select(f => f.Item(0x0020_9111).Numbers(0x0020_9157))
        );
        Assert.Equal(3, image.Values(0x0020_9222).Count);
        Assert.Equal(
            [1, 3, 3, 3],
            image.Values(SegmentationReader.PerFrame).Select(SegmentationReader.Time)
        );
        Assert.Equal(
            ["2.25.3.2", "2.25.3.20", "2.25.3.25", "2.25.3.23"],
            image
                .Values(SegmentationReader.PerFrame)
                .Select(f => f.Item(0x0008_9124).Item(0x0008_2112).Text(0x0008_1155))
        );
        foreach (var (n, labels) in times.Index())
        {
            Assert.Equal(
                labels.Voxels,
                SegmentationReader.ReadBack(image, Oblique, n + 1, [17, 54, 24]).Voxels
            );
        }
    }

    [Fact]
    public void Without_any_voxel_every_plane_of_the_first_segment_is_there_and_empty()
    {
        var labels = new Volume<byte>(Oblique);
        var image = DicomTools.Read(Write(labels, false, Hippocampus, Fluid));
        Assert.Equal(2, image.Values(0x0062_0002).Count);
        Assert.Equal(Enumerable.Repeat(1, 9), SegmentationReader.Segments(image));
        Assert.Equal(labels.Voxels, SegmentationReader.ReadBack(image, Oblique, 17, 24).Voxels);
    }

    [Fact]
    public void Segments_are_coded_as_the_manifest_says()
    {
        var image = DicomTools.Read(Write(Scattered(Oblique), false, Hippocampus, Amygdala, Fluid));
        var segments = image.Values(0x0062_0002);
        Assert.Equal(
            ["left hippocampus", "right amygdala", "cerebrospinal fluid"],
            segments.Select(s => s.Text(0x0062_0005))
        );
        Assert.All(
            segments,
            segment =>
            {
                Assert.Equal("AUTOMATIC", segment.Text(0x0062_0008));
                Assert.Equal("brain@1.0.0", segment.Text(0x0062_0009));
                Assert.Equal(("123037004", "SCT"), Code(segment.Item(0x0062_0003)));
            }
        );
        var types = segments.Select(s => s.Item(0x0062_000F)).ToList();
        Assert.Equal(("5366008", "SCT"), Code(types[0]));
        Assert.Equal(("7771000", "SCT"), Code(types[0].Item(0x0062_0011)));
        Assert.Equal(("4958002", "SCT"), Code(types[1]));
        Assert.Equal(("24028007", "SCT"), Code(types[1].Item(0x0062_0011)));
        // The manifest has no code for it: its name is one of the platform's, and too long for a short one.
        Assert.Equal("cerebrospinal fluid", types[2].Text(0x0008_0119));
        Assert.Equal("99PLATFORM", types[2].Text(0x0008_0102));
        Assert.Empty(types[2].Values(0x0062_0011));
        var (red, green, blue) = LabelColours.Of(54);
        Assert.Equal(
            DicomColour.Cielab(red, green, blue).Select(value => (double)value),
            segments[1].Numbers(0x0062_000D)
        );
    }

    [Fact]
    public void The_same_labels_give_the_same_object_beside_the_report_of_the_same_study()
    {
        var labels = Scattered(Oblique);
        var (report, output) = Report(false, Hippocampus, Fluid);
        var first = Write(labels, false, Hippocampus, Fluid);
        Assert.Equal(
            File.ReadAllBytes(first),
            File.ReadAllBytes(Write(labels, false, Hippocampus, Fluid))
        );
        var image = DicomTools.Read(first);
        var quality = DicomTools.Read(
            Write(QualityStructuredReport.Of(report, output.Quality!, ResultSource.None))
        );
        foreach (var shared in new uint[] { 0x0010_0020, 0x0020_000D, 0x0020_0013 })
        {
            Assert.Equal(quality.Text(shared), image.Text(shared));
        }
        foreach (var own in new uint[] { 0x0008_0018, 0x0020_000E })
        {
            Assert.NotEqual(quality.Text(own), image.Text(own));
        }
        // A measurement and a segment that track the same structure say so.
        Assert.All(
            image.Values(0x0062_0002),
            segment =>
                Assert.Contains(
                    segment.Text(0x0062_0021),
                    quality.GetRawText(),
                    StringComparison.Ordinal
                )
        );
    }

    [Fact]
    public void It_is_written_piece_by_piece()
    {
        var labels = new Volume<byte>(VolumeGeometry.Ras((128, 128, 60), (1, 1, 1)));
        Array.Fill(labels.Voxels, (byte)24);
        var (report, output) = Report(false, Hippocampus, Fluid);
        using var stream = new PieceStream();
        SegmentationImage.Of(report, output, [labels], ResultSource.None).WriteFile(stream);
        Assert.InRange(stream.Total, 60 * 2048, int.MaxValue);
        Assert.InRange(stream.Largest, 2048, 4096);
    }

    [Fact]
    public void Planes_that_are_no_rectangles_are_refused_with_their_angle()
    {
        var (report, output) = Report(false, Hippocampus);
        var refused = Assert.Throws<VolumeException>(() =>
            SegmentationImage.Of(report, output, [new(Sheared((4, 5, 6)))], ResultSource.None)
        );
        Assert.Equal(VolumeFault.BadGeometry, refused.Fault);
        Assert.Contains("84.29 degrees", refused.Message, StringComparison.Ordinal);
    }

    private static StructureQuality Structure(int label, string name) =>
        new()
        {
            Label = label,
            Name = name,
            VolumeMl = 1,
            Verdict = Verdict.Unassessed,
        };

    private static (string Value, string Scheme) Code(JsonElement code) =>
        (code.Text(0x0008_0100), code.Text(0x0008_0102));

    /// <summary>Turned about all three axes, and far from the origin.</summary>
    private static VolumeGeometry Turned(
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing
    )
    {
        // A rotation: about z, then about y.
        double[,] r =
        {
            { 0.36, -0.8, -0.48 },
            { 0.48, 0.6, -0.64 },
            { 0.8, 0, 0.6 },
        };
        return new(
            shape,
            [
                r[0, 0] * spacing.I,
                r[0, 1] * spacing.J,
                r[0, 2] * spacing.K,
                -31.25,
                r[1, 0] * spacing.I,
                r[1, 1] * spacing.J,
                r[1, 2] * spacing.K,
                57.123456,
                r[2, 0] * spacing.I,
                r[2, 1] * spacing.J,
                r[2, 2] * spacing.K,
                -8.5,
            ]
        );
    }

    private static VolumeGeometry Sheared((int I, int J, int K) shape) =>
        new(shape, [1, 0.1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);

    private static Volume<byte> Scattered(VolumeGeometry geometry)
    {
        var random = new Random(1);
        var labels = new Volume<byte>(geometry);
        foreach (ref var voxel in labels.Voxels.AsSpan())
        {
            voxel = random.Next(8) switch
            {
                0 => 17,
                1 => 54,
                2 => 24,
                _ => 0,
            };
        }
        // Hippocampus and amygdala lack planes, at an end and in between.
        var size = geometry.Shape.I * geometry.Shape.J;
        labels.Voxels.AsSpan(0, size).Replace((byte)17, (byte)0);
        labels.Voxels.AsSpan(size, size).Replace((byte)54, (byte)24);
        return labels;
    }

    private static (StudyReport, ReportedOutput) Report(
        bool notForDiagnosis,
        params StructureQuality[] structures
    )
    {
        var output = new ReportedOutput
        {
            Plan = new()
            {
                Kind = OutputKind.Segmentation,
                Series = "s1",
                Model = "brain@1.0.0",
                Input = "",
                Output = "",
                NotForDiagnosis = notForDiagnosis,
            },
            Provenance = new()
            {
                Model = "brain@1.0.0",
                ModelDigest = new('c', 64),
                InputDigest = new('b', 64),
                CodeVersion = "1.2.3",
                ExecutionProvider = "cpu",
            },
            Quality = new()
            {
                Series = "s1",
                Model = "brain@1.0.0",
                Method = "none",
                References = 0,
                Verdict = Verdict.Unassessed,
                NotForDiagnosis = notForDiagnosis,
                CodeVersion = "1.2.3",
                Structures = structures,
            },
        };
        var report = StoredStudy.Report(output);
        return (report, output);
    }

    private string Write(
        Volume<byte> labels,
        bool notForDiagnosis,
        params StructureQuality[] structures
    )
    {
        var (report, output) = Report(notForDiagnosis, structures);
        return Write(SegmentationImage.Of(report, output, [labels], ResultSource.None));
    }

    private string Write(DicomDataset dataset)
    {
        var path = _folder[$"{Guid.NewGuid():n}.dcm"];
        using var file = File.Create(path);
        dataset.WriteFile(file);
        return path;
    }

    /// <summary>Keeps nothing but the size of what is written.</summary>
    private sealed class PieceStream : MemoryStream
    {
        public int Largest { get; private set; }

        public long Total { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Largest = Math.Max(Largest, buffer.Length);
            Total += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) =>
            Write(buffer.AsSpan(offset, count));
    }
}
