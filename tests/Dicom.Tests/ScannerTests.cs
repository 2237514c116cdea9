using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

public class ScannerTests
{
    [Theory]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2")]
    public void A_scanner_is_its_manufacturer_and_model(string syntax) =>
        Assert.Equal("ACME Vision 3T", Scanner("ACME", "Vision 3T", syntax));

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("ACME ", null, "ACME")]
    [InlineData(null, "Vision", "Vision")]
    [InlineData("  ", "\t", null)]
    [InlineData("A\"C{}\nME", "V<b>3</b>", "A C ME V b 3 b")]
    public void What_no_label_should_hold_becomes_a_space(
        string? manufacturer,
        string? model,
        string? expected
    ) => Assert.Equal(expected, Scanner(manufacturer, model));

    [Fact]
    public void A_name_is_never_longer_than_64_characters() =>
        Assert.Equal(64, Scanner(new('a', 60), new('b', 60))!.Length);

    [Fact]
    public void A_file_that_is_no_dicom_is_refused() =>
        Assert.Equal(
            VolumeFault.UnsupportedFormat,
            Assert
                .Throws<VolumeException>(() =>
                    DicomFile.ReadScanner(new MemoryStream(new byte[200]))
                )
                .Fault
        );

    private static string? Scanner(
        string? manufacturer,
        string? model,
        string syntax = "1.2.840.10008.1.2.1"
    )
    {
        var file = new DicomSliceFile
        {
            TransferSyntax = syntax,
            Manufacturer = manufacturer,
            ManufacturerModelName = model,
        };
        using var stream = file.Opener()();
        return DicomFile.ReadScanner(stream);
    }
}
