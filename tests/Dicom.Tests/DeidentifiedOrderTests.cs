using System.IO.Compression;
using Platform.Dicom.Deidentification;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;
using static Platform.Dicom.Tests.SyntaxSeries;

namespace Platform.Dicom.Tests;

/// <summary>Elements that do not ascend.</summary>
public class DeidentifiedOrderTests
{
    [Theory]
    [InlineData("1.2.840.10008.1.2")]
    [InlineData(ExplicitLittleEndian)]
    [InlineData("1.2.840.10008.1.2.2")]
    public void Elements_out_of_order_are_put_in_order_and_of_those_that_repeat_the_first_counts(
        string syntax
    )
    {
        DicomElement[] elements =
        [
            .. Instance(
                DicomElement.Text(0x0010_0010, "PN", "Doe^Jane"),
                new(0x7FE0_0010, "OW", new byte[64])
            ),
        ];
        var good = Copy(DicomElement.File(syntax, elements)).Bytes;
        var id = elements.Single(element => element.Tag == 0x0010_0020);
        var pixels = elements[^1];
        DicomElement[] turned =
        [
            .. elements[..^1].Reverse(),
            DicomElement.Text(0x0010_0020, "LO", "MRN 4712"),
            pixels,
        ];

        var (result, bytes) = Copy(DicomElement.File(syntax, turned));

        Assert.Equal(good, bytes);
        Assert.Equal("MRN 4711", result.Identity[id.Tag]);
        Assert.Equal((1, 1), (result.RepeatedElements, result.CorrectedElements));
    }

    [Fact]
    public void Elements_out_of_order_in_a_stream_that_cannot_be_sought_are_refused()
    {
        var good = DicomElement.File(ExplicitLittleEndian, Instance());
        var late = DicomElement.File(
            ExplicitLittleEndian,
            [DicomElement.Text(0x0010_0020, "LO", "MRN 4711")]
        )[160..];
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write([.. good, .. late]);
        }
        packed.Position = 0;
        using var unpacked = new GZipStream(packed, CompressionMode.Decompress);
        var refusal = Assert.Throws<VolumeException>(() =>
            new Deidentifier(new(), PseudonymOf).Copy(unpacked, Stream.Null)
        );
        Assert.Contains("(0010,0020) comes after (0020,000E)", refusal.Message);
    }
}
