using System.IO.Compression;
using Platform.Imaging;

namespace Platform.Dicom.Tests;

/// <summary>Real series of data/dicom beside their reference NIfTI; without PLATFORM_DATA the generated series stand for them.</summary>
public class VendorSeriesTests
{
    private static string? Data =>
        Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } data
            ? Path.Combine(data, "dicom")
            : null;

    /// <summary>
    /// Three references carry their first increment, 2.0001 mm by the headers' six digits, on over 95 slices: the last one lies 0.01 mm off where its
    /// header has it. Ours lies there.
    /// </summary>
    private const double ReferenceRounds = 1.1e-2;

    private static string? Root => Data is { } data ? Path.Combine(data, "vendor-series") : null;

    private static IEnumerable<Func<Stream>> Files(string folder) =>
        Directory.GetFiles(folder).Select(file => (Func<Stream>)(() => File.OpenRead(file)));

    private static DicomAttributes Attributes(Func<Stream> open)
    {
        using var stream = open();
        var parser = new DicomParser(stream);
        parser.ParseToPixels();
        return parser.Attributes;
    }

    private static Volume<float> Read(string folder) => DicomSeries.ReadVolume(Files(folder));

    private static IReadOnlyList<DicomVolume> Open(string folder) =>
        DicomSeries.Open(Files(folder));

    /// <summary>One volume of a reference NIfTI of 3 or 4 dimensions, as a file of its own.</summary>
    private static MemoryStream Part(string reference, int volume)
    {
        using var file = new GZipStream(File.OpenRead(reference), CompressionMode.Decompress);
        using var all = new MemoryStream();
        file.CopyTo(all);
        var bytes = all.ToArray();
        var start = (int)BitConverter.ToSingle(bytes, 108);
        var count = Math.Max((short)1, BitConverter.ToInt16(bytes, 48));
        var each = (bytes.Length - start) / count;
        BitConverter.TryWriteBytes(bytes.AsSpan(40), (short)3);
        BitConverter.TryWriteBytes(bytes.AsSpan(48), (short)1);
        return new MemoryStream([.. bytes[..start], .. bytes.AsSpan(start + volume * each, each)]);
    }

    [Theory]
    [InlineData("ge/anatomical/001")]
    [InlineData("ge/anatomical/001_implicit")]
    [InlineData("generic/anatomical/001")]
    [InlineData("generic/anatomical/001_implicit")]
    [InlineData("generic/anatomical/002_non_isotropic")]
    [InlineData("generic/compressed/001")]
    [InlineData("generic/compressed_jpegls/001")]
    [InlineData("generic/compressed_j2k/001")]
    [InlineData("generic/compressed_rle/001")]
    [InlineData("philips/anatomical/001")]
    [InlineData("philips/anatomical/001_implicit")]
    [InlineData("siemens/anatomical/001")]
    [InlineData("siemens/anatomical/001_implicit")]
    [InlineData("hitachi/anatomical/001")]
    [InlineData("hitachi/anatomical/001_implicit")]
    public void A_vendors_series_equals_its_reference_voxel_by_voxel_in_the_world(string series)
    {
        if (Root is not { } root)
        {
            return;
        }
        AssertEqual(
            Part(Path.Combine(root, series + "_ground_truth.nii.gz"), 0),
            Read(Path.Combine(root, series)),
            toleranceMm: 1e-3
        );
    }

    [Fact]
    public void Dicom_t1_jpeg_ll_lossless_jpeg_in_fragments_equals_its_reference()
    {
        if (Data is not { } data)
        {
            return;
        }
        var folder = Path.Combine(data, "t1-jpeg-ll");
        AssertEqual(
            Part(Path.Combine(folder, "anat-T1w_acq-tfl_5001.nii.gz"), 0),
            Read(Path.Combine(folder, "5001_anat-T1w_acq-tfl")),
            toleranceMm: ReferenceRounds
        );
        AssertOnHeaders(Path.Combine(folder, "5001_anat-T1w_acq-tfl"));
    }

    [Theory]
    [InlineData("5_anat-T1w_acq-tfl")]
    [InlineData("6_anat-T1w_acq-tfl")]
    public void Dicom_enhanced_frames_of_one_file_equal_their_reference(string series)
    {
        if (Data is not { } data)
        {
            return;
        }
        var folder = Path.Combine(data, "enhanced/siemens-xa30");
        AssertEqual(
            Part(Path.Combine(folder, "Ref", series + ".nii.gz"), 0),
            Read(Path.Combine(folder, "In", series)),
            toleranceMm: ReferenceRounds
        );
        AssertOnHeaders(Path.Combine(folder, "In", series));
    }

    /// <summary>Each slice of a series lies where its header says, to the last of its six digits.</summary>
    private static void AssertOnHeaders(string folder)
    {
        var affine = Assert.Single(Open(folder)).Geometry.Affine.ToArray();
        var slices = SeriesInstances.Read(Files(folder)).Slices;
        var along = SliceStack.Along(slices);
        foreach (
            var (k, n) in along.Index().OrderBy(one => one.Item).Select(one => one.Index).Index()
        )
        {
            var position = slices[n].Position;
            Assert.Equal(-position.X, affine[2] * k + affine[3], 2e-4);
            Assert.Equal(-position.Y, affine[6] * k + affine[7], 2e-4);
            Assert.Equal(position.Z, affine[10] * k + affine[11], 2e-4);
        }
    }

    [Theory]
    [InlineData("Philips", "magnitude", "Philips_WIP_B0_NS_801_e1", 0)]
    [InlineData("Philips", "field map", "Philips_WIP_B0_NS_801_e2_fieldmaphz", 0)]
    [InlineData("Siemens/XA10", "", "Siemens_REST1_w_SMS_PF7-8_6", 0)]
    [InlineData("Siemens/XA10", "", "Siemens_REST1_w_SMS_PF7-8_6", 3)]
    public void Dicom_enhanced_frames_of_several_volumes_equal_their_references(
        string series,
        string label,
        string reference,
        int volume
    )
    {
        if (Data is not { } data)
        {
            return;
        }
        var folder = Path.Combine(data, "enhanced/multi");
        var found = Open(Path.Combine(folder, "In", series));
        var isTimeSeries = series != "Philips";
        Assert.Equal(isTimeSeries ? 1 : 2, found.Count);
        Assert.Equal(isTimeSeries ? [0, 500, 1000, 1500] : null, found[0].FrameTimesMs());
        AssertEqual(
            Part(Path.Combine(folder, "Ref", reference + ".nii.gz"), volume),
            found.Single(one => one.Label == label).Read(isTimeSeries ? volume : 0),
            toleranceMm: 1e-3,
            // Its values are those of the vendor's own scale.
            isScaled: series == "Philips"
        );
    }

    [Fact]
    public void Dicom_philips_anatomical_002_is_magnitude_and_phase()
    {
        if (Root is not { } root)
        {
            return;
        }
        var volumes = Open(Path.Combine(root, "philips/anatomical/002"));
        Assert.Equal(["magnitude", "phase"], volumes.Select(volume => volume.Label));
        Assert.All(volumes, volume => Assert.Equal((768, 768, 4), volume.Geometry.Shape));
    }

    [Fact]
    public void Cardiac_cine_is_20_phases_on_the_grid_of_its_labels()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is not { Length: > 0 } data)
        {
            return;
        }
        var folder = Path.Combine(data, "cardiac-cine");
        var cine = Assert.Single(Open(Path.Combine(folder, "dicom-SCD0000101")));
        Assert.Equal(("", 20), (cine.Label, cine.Frames));
        var triggers = Files(Path.Combine(folder, "dicom-SCD0000101"))
            .Select(Attributes)
            .ToDictionary(
                one => one.Text(DicomTag.SopInstanceUid),
                one => one.Decimal(DicomTag.TriggerTime)!.Value
            );
        double[][] times =
        [
            .. cine.Origins().Select(one => triggers[one.Instance.SopInstanceUid]).Chunk(12),
        ];
        Assert.Equal(240, cine.Origins().Select(one => one.Instance).Distinct().Count());
        Assert.All(
            times.Zip(times.Skip(1)),
            two => Assert.All(two.First.Zip(two.Second), at => Assert.True(at.First < at.Second))
        );
        // The instances state the delay twice, TriggerTime with fewer digits.
        Assert.All(
            times.Zip(cine.FrameTimesMs()!),
            frame => Assert.Equal(frame.First.Average(), frame.Second, 1e-5)
        );
        var labels = Orienter.ToOrientation(
            NiftiReader.ReadImage(Part(Path.Combine(folder, "SCD0000101_gt4d.nii.gz"), 0)),
            "RAS"
        );
        var first = Orienter.ToOrientation(cine.Read(), "RAS");
        Assert.Equal(labels.Geometry.Shape, first.Geometry.Shape);
        Assert.True(labels.Geometry.IsCloseTo(first.Geometry, 1e-2));
        // The heart moves.
        Assert.NotEqual(first.Voxels, Orienter.ToOrientation(cine.Read(7), "RAS").Voxels);
    }

    [Theory]
    [InlineData("emri_small_RLE.dcm")]
    [InlineData("emri_small_big_endian.dcm")]
    [InlineData("emri_small_jpeg_2k_lossless.dcm")]
    [InlineData("emri_small_jpeg_ls_lossless.dcm")]
    public void Dicom_syntaxes_frames_are_the_same_in_every_syntax(string name)
    {
        if (Data is not { } data)
        {
            return;
        }
        var frames = Frames(Path.Combine(data, "syntaxes", name));
        Assert.Equal(Frames(Path.Combine(data, "syntaxes", "emri_small.dcm")), frames);
    }

    [Theory]
    [InlineData("693_J2KR.dcm", "693_UNCR.dcm")]
    [InlineData("MR2_J2KR.dcm", "MR2_UNCR.dcm")]
    [InlineData("MR2_J2KI.dcm", "MR2_UNCI.dcm")]
    public void Dicom_syntaxes_jpeg_2000_equals_the_uncompressed_image(string name, string plain)
    {
        if (Data is not { } data)
        {
            return;
        }
        Assert.Equal(
            Frames(Path.Combine(data, "syntaxes", plain)),
            Frames(Path.Combine(data, "syntaxes", name))
        );
    }

    private static float[] Frames(string file)
    {
        using var stream = File.OpenRead(file);
        var parser = new DicomParser(stream);
        parser.ParseToPixels();
        var format = PixelFormat.Read(parser.Attributes);
        var count = parser.Attributes.Whole(DicomTag.NumberOfFrames) ?? 1;
        using var frames = new DicomFrames(parser, format, count);
        var values = new float[count * format.Pixels];
        var buffer = new byte[2 * format.Pixels];
        frames.Read(
            [.. Enumerable.Range(0, count)],
            buffer,
            (n, stored) =>
                stored.ToValues(buffer, 1, 0, values.AsSpan(n * format.Pixels, format.Pixels))
        );
        return values;
    }

    [Fact]
    public void Dicom_vendor_series_give_the_same_volume_in_every_lossless_syntax()
    {
        if (Root is not { } root)
        {
            return;
        }
        var runs = Read(Path.Combine(root, "generic/compressed_rle/001"));
        foreach (var other in new[] { "jpeg", "jpegls", "j2k" })
        {
            Assert.Equal(
                runs.Voxels,
                Read(Path.Combine(root, $"generic/compressed_{other}/001")).Voxels
            );
        }
    }

    [Fact]
    public void Every_file_of_data_dicom_is_read_or_refused_with_a_reason()
    {
        if (Data is not { } data)
        {
            return;
        }
        var read = Directory
            .EnumerateFiles(data, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".gz", StringComparison.Ordinal))
            .Count(file =>
            {
                using var stream = File.OpenRead(file);
                return ForeignFilesTests.IsRead(stream);
            });
        Assert.InRange(read, 150, 292);
    }

    private static void AssertEqual(
        Stream file,
        Volume<float> volume,
        double toleranceMm,
        bool isScaled = false
    )
    {
        var expected = Orienter.ToOrientation(NiftiReader.ReadImage(file), "RAS");
        volume = Orienter.ToOrientation(volume, "RAS");
        Assert.Equal(expected.Geometry.Shape, volume.Geometry.Shape);
        Assert.True(
            expected.Geometry.IsCloseTo(volume.Geometry, toleranceMm),
            $"{string.Join(' ', expected.Geometry.Affine.ToArray())} and {string.Join(' ', volume.Geometry.Affine.ToArray())}"
        );
        var scale = 1.0;
        if (isScaled)
        {
            var products = expected.Voxels.Zip(volume.Voxels, (a, b) => (double)a * b);
            scale = products.Sum() / volume.Voxels.Sum(voxel => (double)voxel * voxel);
        }
        var tolerance = isScaled ? 1e-4 * expected.Voxels.Max(Math.Abs) : 1e-3;
        for (var n = 0; n < volume.Voxels.Length; n++)
        {
            Assert.Equal(expected.Voxels[n], scale * volume.Voxels[n], tolerance);
        }
    }

    [Theory]
    [InlineData("failing/gantrytilting/001", VolumeFault.BadGeometry)]
    [InlineData("failing/sliceincrement/001", VolumeFault.BadGeometry)]
    [InlineData("failing/sliceincrement/002", VolumeFault.BadGeometry)]
    [InlineData("ge/anatomical/001_single_slice", VolumeFault.NotAVolume)]
    [InlineData("generic/rgb/001", VolumeFault.UnsupportedFormat)]
    public void What_cannot_be_a_volume_is_refused(string series, VolumeFault fault)
    {
        if (Root is not { } root)
        {
            return;
        }
        var refusal = Assert.Throws<VolumeException>(() => Read(Path.Combine(root, series)));
        Assert.Equal(fault, refusal.Fault);
    }
}
