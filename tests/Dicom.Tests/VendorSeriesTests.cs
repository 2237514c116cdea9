using Platform.Imaging;

namespace Platform.Dicom.Tests;

/// <summary>Real series of data/dicom beside their reference NIfTI; without PLATFORM_DATA the generated series stand for them.</summary>
public class VendorSeriesTests
{
    private static string? Data =>
        Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } data
            ? Path.Combine(data, "dicom")
            : null;

    private static string? Root => Data is { } data ? Path.Combine(data, "vendor-series") : null;

    private static Volume<float> Read(string folder) =>
        DicomSeries.ReadVolume(
            Directory.GetFiles(folder).Select(file => (Func<Stream>)(() => File.OpenRead(file)))
        );

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
            Path.Combine(root, series + "_ground_truth.nii.gz"),
            Read(Path.Combine(root, series)),
            toleranceMm: 1e-2
        );
    }

    [Fact]
    public void Dicom_t1_jpeg_ll_lossless_jpeg_in_fragments_equals_its_reference()
    {
        if (Data is not { } data)
        {
            return;
        }
        // The reference carries its first increment, 2.0001 mm by the headers' six digits, on over 95 slices; the last one's header says 0.01 mm less.
        var folder = Path.Combine(data, "t1-jpeg-ll");
        AssertEqual(
            Path.Combine(folder, "anat-T1w_acq-tfl_5001.nii.gz"),
            Read(Path.Combine(folder, "5001_anat-T1w_acq-tfl")),
            toleranceMm: 1.1e-2
        );
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
        // As above, the reference carries its first increment on.
        var folder = Path.Combine(data, "enhanced/siemens-xa30");
        AssertEqual(
            Path.Combine(folder, "Ref", series + ".nii.gz"),
            Read(Path.Combine(folder, "In", series)),
            toleranceMm: 1.1e-2
        );
    }

    [Fact]
    public void Dicom_enhanced_with_several_phases_or_echoes_is_refused()
    {
        if (Data is not { } data)
        {
            return;
        }
        foreach (var series in new[] { "Philips", "Siemens/XA10" })
        {
            var folder = Path.Combine(data, "enhanced/multi/In", series);
            var refusal = Assert.Throws<VolumeException>(() => Read(folder));
            Assert.Equal(VolumeFault.BadGeometry, refusal.Fault);
            Assert.Contains("several volumes or repeats", refusal.Message);
        }
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
        var read = 0;
        foreach (
            var file in Directory
                .EnumerateFiles(data, "*", SearchOption.AllDirectories)
                .Where(file => !file.EndsWith(".gz", StringComparison.Ordinal))
        )
        {
            try
            {
                using var stream = File.OpenRead(file);
                DicomFile.ReadIdentity(stream);
                stream.Position = 0;
                DicomFile.ReadScanner(stream);
                stream.Position = 0;
                using var image = DicomImage.Read(stream);
                var pixels = image.Slices[0].Format.Pixels;
                var values = new float[pixels];
                image.ReadValues(
                    [.. Enumerable.Range(0, image.Slices.Count)],
                    _ => values,
                    new byte[2 * pixels]
                );
                read++;
            }
            catch (VolumeException refusal)
            {
                Assert.NotEmpty(refusal.Message);
            }
        }
        Assert.InRange(read, 150, 292);
    }

    private static void AssertEqual(string reference, Volume<float> volume, double toleranceMm)
    {
        using var file = File.OpenRead(reference);
        var expected = Orienter.ToOrientation(NiftiReader.ReadImage(file), "RAS");
        volume = Orienter.ToOrientation(volume, "RAS");
        Assert.Equal(expected.Geometry.Shape, volume.Geometry.Shape);
        Assert.True(
            expected.Geometry.IsCloseTo(volume.Geometry, toleranceMm),
            $"{string.Join(' ', expected.Geometry.Affine.ToArray())} and {string.Join(' ', volume.Geometry.Affine.ToArray())}"
        );
        for (var n = 0; n < volume.Voxels.Length; n++)
        {
            Assert.Equal(expected.Voxels[n], volume.Voxels[n], 1e-3f);
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
