using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;

namespace Platform.Dicom.Tests;

/// <summary>Private elements after de-identification.</summary>
public class PrivateElementTests
{
    [Fact]
    public void Private_elements_stay_where_their_creator_and_element_are_on_the_list()
    {
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0019_0010, "LO", "SIEMENS MR HEADER"),
                DicomElement.Text(0x0019_0011, "LO", "SOMEBODY ELSE"),
                DicomElement.Text(0x0019_1008, "CS", "IMAGE NUM 4"),
                DicomElement.Text(0x0019_100C, "IS", "1000"),
                new(0x0019_100E, "FD", new byte[24]),
                DicomElement.Text(0x0019_110C, "IS", "1000"),
                DicomElement.Sequence(
                    0x5200_9230,
                    [
                        DicomElement.Text(0x0019_0010, "LO", "SIEMENS MR HEADER"),
                        DicomElement.Text(0x0019_100C, "IS", "2000"),
                    ],
                    [DicomElement.Text(0x0019_100C, "IS", "3000")]
                )
            )
        );
        var read = Read(bytes);
        Assert.Equal("1000", Text(bytes, "0019100C"));
        Assert.Equal("2000", Text(bytes, "52009230/0/0019100C"));
        Assert.Equal(24, read["0019100E"].Length);
        Assert.Equal(
            ["00190010", "0019100C", "0019100E"],
            read.Keys.Where(path => path.StartsWith("0019", StringComparison.Ordinal))
        );
        Assert.Equal(
            2,
            read.Keys.Count(path => path.StartsWith("52009230/", StringComparison.Ordinal))
        );
    }

    [Fact]
    public void Of_the_header_of_siemens_its_numbers_stay()
    {
        var header = MosaicTests.Header(
            ("tPatientName", ["Doe Jane"]),
            ("NumberOfImagesInMosaic", ["5"]),
            ("SliceNormalVector", ["0.1", "-0.25", "1e-3"]),
            ("B_value", ["Doe Jane"])
        );
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0029_0010, "LO", "SIEMENS CSA HEADER"),
                new(0x0029_1010, "OB", header),
                new(0x0029_1020, "OB", header)
            )
        );
        var copy = Read(bytes)["00291010"];
        Assert.Equal([5], SiemensMosaic.Values(copy, "NumberOfImagesInMosaic"));
        Assert.Equal([0.1, -0.25, 1e-3], SiemensMosaic.Values(copy, "SliceNormalVector"));
        Assert.Equal(-1, bytes.AsSpan().IndexOf("Doe"u8));
        Assert.Equal(-1, copy.AsSpan().IndexOf("tPatientName"u8));
        Assert.DoesNotContain("00291020", Read(bytes).Keys);
    }
}
