using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;

namespace Platform.Dicom.Tests;

public class ReidentifierTests
{
    [Fact]
    public void A_result_of_another_character_set_is_not_re_identified()
    {
        var file = DicomElement.File(
            ExplicitLittleEndian,
            Instance(DicomElement.Text(0x0008_0005, "CS", "ISO_IR 100"))
        );
        var refusal = Assert.Throws<VolumeException>(() =>
            new Reidentifier(_ => null, new Dictionary<uint, string>()).Copy(
                new MemoryStream(file),
                Stream.Null
            )
        );
        Assert.Equal(VolumeFault.UnsupportedFormat, refusal.Fault);
    }

    [Fact]
    public void A_result_gets_its_patient_and_the_uids_of_the_scan_back()
    {
        var sent = Instance(
                DicomElement.Sequence(
                    0x0008_1140,
                    [DicomElement.Text(0x0008_1155, "UI", "1.2.3.4.6")]
                )
            )
            .ToArray();
        var (instance, copy) = Copy(sent);
        var uids = new Dictionary<string, string>
        {
            [instance.StudyInstanceUid] = "1.2.3",
            [Uid("1.2.3.4.6")] = "1.2.3.4.6",
        };
        using var target = new MemoryStream();
        new Reidentifier(
            uids.GetValueOrDefault,
            new Dictionary<uint, string>
            {
                [0x0010_0010] = "Doe^Jørgen",
                [0x0010_0020] = "MRN 4711",
                [0x0008_0020] = "20200131",
            }
        ).Copy(new MemoryStream(copy), target);
        var bytes = target.ToArray();
        Assert.Equal("1.2.3", Text(bytes, "0020000D"));
        Assert.Equal(instance.SeriesInstanceUid, Text(bytes, "0020000E"));
        Assert.Equal("1.2.3.4.6", Text(bytes, "00081140/0/00081155"));
        Assert.Equal("Doe^Jørgen", Encoding.UTF8.GetString(Read(bytes)["00100010"]).Trim());
        Assert.Equal("MRN 4711", Text(bytes, "00100020"));
        Assert.Equal("20200131", Text(bytes, "00080020"));
        Assert.Equal("ISO_IR 192", Text(bytes, "00080005"));
        Assert.All(
            ["00120062", "00120063", "00120064"],
            path => Assert.DoesNotContain(path, Read(bytes).Keys)
        );
    }
}
