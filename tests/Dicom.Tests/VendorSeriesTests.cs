using Platform.Imaging;

namespace Platform.Dicom.Tests;

/// <summary>Real series of data/dicom/vendor-series beside their reference NIfTI; without PLATFORM_DATA the generated series stand for them.</summary>
public class VendorSeriesTests
{
    private static string? Root =>
        Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } data
            ? Path.Combine(data, "dicom", "vendor-series")
            : null;

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
        var volume = Orienter.ToOrientation(Read(Path.Combine(root, series)), "RAS");
        using var file = File.OpenRead(Path.Combine(root, series + "_ground_truth.nii.gz"));
        var expected = Orienter.ToOrientation(NiftiReader.ReadImage(file), "RAS");
        Assert.Equal(expected.Geometry.Shape, volume.Geometry.Shape);
        Assert.True(
            expected.Geometry.IsCloseTo(volume.Geometry, 1e-2),
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
    [InlineData("generic/compressed/001", VolumeFault.UnsupportedFormat)]
    [InlineData("generic/compressed_j2k/001", VolumeFault.UnsupportedFormat)]
    [InlineData("generic/compressed_jpeg/001", VolumeFault.UnsupportedFormat)]
    [InlineData("generic/compressed_jpegls/001", VolumeFault.UnsupportedFormat)]
    [InlineData("generic/compressed_rle/001", VolumeFault.UnsupportedFormat)]
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
