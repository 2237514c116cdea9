using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;

namespace Platform.Dicom.Tests;

public class DeidentifierTests
{
    [Fact]
    public void A_copy_has_pseudonyms_and_says_that_it_has_no_identity()
    {
        var (instance, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0010_0010, "PN", "Doe^Jane"),
                DicomElement.Text(0x0010_0021, "LO", "HOSPITAL"),
                DicomElement.Text(0x0010_0030, "DA", "19500102")
            ),
            Dates
        );
        Assert.Equal(Uid("1.2.3"), instance.StudyInstanceUid);
        Assert.Equal(Uid("1.2.3"), Text(bytes, "0020000D"));
        Assert.Equal(Uid("1.2.3.4"), Text(bytes, "0020000E"));
        Assert.Equal(Uid("1.2.3.4.5"), Text(bytes, "00080018"));
        Assert.Equal(MrImage, Text(bytes, "00080016"));
        Assert.Equal("", Text(bytes, "00100010"));
        Assert.Equal("", Text(bytes, "00100030"));
        Assert.Equal(PseudonymOf("patient:HOSPITAL\nMRN 4711"), Text(bytes, "00100020"));
        Assert.DoesNotContain("00100021", Read(bytes).Keys);
        Assert.Equal("YES", Text(bytes, "00120062"));
        Assert.Equal("MODIFIED", Text(bytes, "00280303"));
        Assert.Equal(
            ["113100", "113107", "113111"],
            Enumerable.Range(0, 3).Select(n => Text(bytes, $"00120064/{n}/00080100"))
        );
        Assert.Equal(
            ("1.2.3", "1.2.3.4", "1.2.3.4.5", MrImage),
            (
                instance.OriginalStudyInstanceUid,
                instance.OriginalSeriesInstanceUid,
                instance.OriginalSopInstanceUid,
                instance.SopClassUid
            )
        );
        Assert.Equal("Doe^Jane", instance.Identity[0x0010_0010]);
        Assert.Equal("MRN 4711", instance.Identity[0x0010_0020]);
        Assert.Equal("19500102", instance.Identity[0x0010_0030]);
        Assert.DoesNotContain(0x0008_0050u, instance.Identity.Keys);
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2")]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2.2")]
    [InlineData("1.2.840.10008.1.2.1.99")]
    public void Whatever_its_syntax_a_copy_is_the_same(string syntax)
    {
        var elements = Instance(
                DicomElement.Text(0x0008_0020, "DA", "20200131"),
                DicomElement.Text(0x0018_0081, "DS", "2.5\\-1e3"),
                new(0x0018_9087, "FD", BitConverter.GetBytes(1000.5)),
                DicomElement.Short(0x0028_0103, 1),
                new DicomElement(0x0028_0120, "SS", [0xFE, 0xFF]),
                DicomElement.Sequence(
                    0x0008_1140,
                    [DicomElement.Text(0x0008_1155, "UI", "1.2.3.4.6")],
                    []
                ) with
                {
                    IsDelimited = syntax.EndsWith('1'),
                },
                new DicomElement(0x7FE0_0010, "OW", [1, 2, 3, 4])
            )
            .ToArray();
        var (instance, bytes) = Copy(elements, Dates, syntax);
        Assert.Equal(ExplicitLittleEndian, instance.TransferSyntaxUid);
        Assert.Equal(Copy(elements, Dates).Bytes, bytes);
        Assert.Equal(1000.5, BitConverter.ToDouble(Read(bytes)["00189087"]));
        Assert.Equal(Uid("1.2.3.4.6"), Text(bytes, "00081140/0/00081155"));
        Assert.Equal([1, 2, 3, 4], bytes[^4..]);
    }

    [Fact]
    public void Intervals_between_the_dates_of_a_patient_stay_and_those_of_another_go_elsewhere()
    {
        DateOnly Shifted(string patient, string date)
        {
            var (_, bytes) = Copy(
                Instance(
                    DicomElement.Text(0x0008_0020, "DA", date),
                    DicomElement.Text(0x0008_002A, "DT", date + "235959.5+0100"),
                    DicomElement.Text(0x0008_0030, "TM", "235959.5"),
                    DicomElement.Text(0x0010_0020, "LO", patient),
                    DicomElement.Text(0x0040_A13A, "DT", date),
                    DicomElement.Sequence(0x0040_A730, [DicomElement.Text(0x0040_A121, "DA", date)])
                ),
                Dates
            );
            var shifted = Text(bytes, "00080020");
            Assert.Equal(shifted + "235959.5+0100", Text(bytes, "0008002A"));
            Assert.Equal("235959.5", Text(bytes, "00080030"));
            Assert.Equal(shifted, Text(bytes, "0040A13A"));
            Assert.Equal(shifted, Text(bytes, "0040A730/0/0040A121"));
            return DateOnly.ParseExact(shifted, "yyyyMMdd");
        }
        var first = Shifted("one", "20200228");
        Assert.Equal(3, Shifted("one", "20200302").DayNumber - first.DayNumber);
        Assert.InRange(new DateOnly(2020, 2, 28).DayNumber - first.DayNumber, 1, 3650);
        Assert.NotEqual(first, Shifted("two", "20200228"));
    }

    [Theory]
    [InlineData("19000101")]
    [InlineData("00010101")]
    [InlineData("202002")]
    [InlineData("not a date")]
    public void What_is_no_date_is_not_shifted_since_it_would_tell_by_how_much(string date)
    {
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0008_0012, "DA", date),
                DicomElement.Text(0x0008_0020, "DA", date),
                DicomElement.Text(0x0008_0025, "DA", date)
            ),
            Dates
        );
        Assert.Equal("19000101", Text(bytes, "00080012"));
        Assert.Equal("", Text(bytes, "00080020"));
        Assert.DoesNotContain("00080025", Read(bytes).Keys);
    }

    [Fact]
    public void Without_the_option_dates_are_gone()
    {
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0008_0020, "DA", "20200131"),
                DicomElement.Text(0x0008_0023, "DA", "20200131"),
                DicomElement.Text(0x0040_0244, "DA", "20200131")
            )
        );
        Assert.Equal("", Text(bytes, "00080020"));
        Assert.Equal("19000101", Text(bytes, "00080023"));
        Assert.DoesNotContain("00400244", Read(bytes).Keys);
        Assert.Equal("REMOVED", Text(bytes, "00280303"));
    }

    [Fact]
    public void Options_keep_what_they_name()
    {
        var elements = Instance(
                DicomElement.Text(0x0008_0070, "LO", "Siemens Healthineers"),
                DicomElement.Text(0x0008_0080, "LO", "General Hospital"),
                DicomElement.Text(0x0008_1010, "SH", "MR7"),
                DicomElement.Text(0x0008_103E, "LO", "t1_mprage_sag for Mr. Doe"),
                DicomElement.Text(0x0008_1090, "LO", "Model 7 of Jane"),
                DicomElement.Text(0x0010_0040, "CS", "F"),
                DicomElement.Text(0x0010_1010, "AS", "093Y"),
                DicomElement.Text(0x0010_1030, "DS", "61.5"),
                DicomElement.Text(0x0018_1000, "LO", "S/N 1")
            )
            .ToArray();
        var (_, without) = Copy(elements);
        var (_, with) = Copy(elements, AllOptions);
        Assert.Equal("SIEMENS", Text(without, "00080070"));
        Assert.Equal(
            $"device-{PseudonymOf("device:Model 7 of Jane")[..8]}",
            Text(without, "00081090")
        );
        Assert.Equal("", Text(without, "00080080"));
        Assert.Equal("", Text(without, "00081010"));
        Assert.Equal("", Text(without, "00100040"));
        Assert.Equal("REMOVED", Text(without, "00181000"));
        Assert.All(
            ["0008103E", "00101010", "00101030"],
            path => Assert.DoesNotContain(path, Read(without).Keys)
        );
        Assert.Equal("Siemens Healthineers", Text(with, "00080070"));
        Assert.Equal("Model 7 of Jane", Text(with, "00081090"));
        Assert.Equal("General Hospital", Text(with, "00080080"));
        Assert.Equal("MR7", Text(with, "00081010"));
        Assert.Equal("F", Text(with, "00100040"));
        Assert.Equal("090Y", Text(with, "00101010"));
        Assert.Equal("61.5", Text(with, "00101030"));
        Assert.Equal("S/N 1", Text(with, "00181000"));
        Assert.Equal("t1 mprage sag", Text(with, "0008103E"));
        Assert.Equal("1.2.3", Text(with, "0020000D"));
    }

    [Fact]
    public void Coded_strings_keep_their_known_parts()
    {
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\SW_M_FFE\\DOE\\JANE_M"),
                DicomElement.Text(0x0018_0015, "CS", "DOE"),
                DicomElement.Text(0x0018_0022, "CS", "FS")
            )
        );
        Assert.Equal("ORIGINAL\\PRIMARY\\SW_M_FFE\\OTHER\\M", Text(bytes, "00080008"));
        Assert.DoesNotContain("00180015", Read(bytes).Keys);
        Assert.Equal("FS", Text(bytes, "00180022"));
    }

    [Fact]
    public void Codes_stay_in_sequences_that_are_known_for_them()
    {
        DicomElement[] code =
        [
            DicomElement.Text(0x0008_0100, "SH", "12738006"),
            DicomElement.Text(0x0008_0102, "SH", "SCT"),
            DicomElement.Text(0x0008_0104, "LO", "Brain of Mr. Doe"),
        ];
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Sequence(0x0008_1032, code),
                DicomElement.Sequence(0x0008_2218, code)
            )
        );
        Assert.Equal("12738006", Text(bytes, "00082218/0/00080100"));
        Assert.Equal("SCT", Text(bytes, "00082218/0/00080102"));
        Assert.Equal("Brain", Text(bytes, "00082218/0/00080104"));
        Assert.DoesNotContain("00081032/0/00080100", Read(bytes).Keys);
    }

    [Theory]
    [InlineData("YES", MrImage, "ORIGINAL\\PRIMARY", "MONOCHROME2", true)]
    [InlineData("NO", "1.2.840.10008.5.1.4.1.1.7", "", "RGB", false)]
    [InlineData("", MrImage, "ORIGINAL\\PRIMARY", "MONOCHROME2", false)]
    [InlineData("", "1.2.840.10008.5.1.4.1.1.7", "", "MONOCHROME2", true)]
    [InlineData("", "1.2.840.10008.5.1.4.1.1.7.2", "", "MONOCHROME2", true)]
    [InlineData("", "1.2.840.10008.5.1.4.1.1.6.1", "", "MONOCHROME2", true)]
    [InlineData("", "1.2.840.10008.5.1.4.1.1.6.2", "", "MONOCHROME2", false)]
    [InlineData("", MrImage, "DERIVED\\SECONDARY\\SCREEN SAVE", "MONOCHROME2", true)]
    [InlineData("", MrImage, "DERIVED\\PRIMARY", "RGB", true)]
    public void Images_that_may_show_text_are_flagged(
        string stated,
        string sopClass,
        string imageType,
        string photometric,
        bool expected
    )
    {
        var (instance, _) = Copy(
            Instance(
                DicomElement.Text(0x0008_0008, "CS", imageType),
                DicomElement.Text(0x0008_0016, "UI", sopClass),
                DicomElement.Text(0x0028_0004, "CS", photometric),
                DicomElement.Text(0x0028_0301, "CS", stated)
            )
        );
        Assert.Equal(expected, instance.BurnedInAnnotation);
    }

    [Fact]
    public void Overlays_in_the_bits_of_pixels_are_flagged_and_all_overlays_removed()
    {
        var (instance, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0028_0301, "CS", "NO"),
                DicomElement.Short(0x6002_0102, 12),
                new(0x6002_3000, "OW", new byte[8]),
                new(0x7FE0_0010, "OW", new byte[8])
            )
        );
        Assert.True(instance.BurnedInAnnotation);
        Assert.DoesNotContain(Read(bytes).Keys, path => path.StartsWith('6'));
    }

    [Theory]
    [InlineData("", "Doe^J\xF8rgen", "Doe^J\xF8rgen")]
    [InlineData("ISO_IR 100", "Doe^J\xF8rgen", "Doe^Jørgen")]
    [InlineData("ISO_IR 144", "\xBB\xEE\xDA", "Люк")]
    [InlineData("ISO_IR 192", "\xE5\xB1\xB1\xE7\x94\xB0", "山田")]
    [InlineData("GB18030", "\xCD\xF5", "王")]
    [InlineData("\\ISO 2022 IR 87", "Yamada=\x1B$B;3ED\x1B(B", "Yamada=山田")]
    [InlineData("\\ISO 2022 IR 149", "\x1B$)C\xB1\xE8", "김")]
    [InlineData("ISO 2022 IR 6\\ISO 2022 IR 58", "\x1B$)A\xCD\xF5", "王")]
    public void The_cross_walk_has_names_as_they_are_written(
        string characterSet,
        string bytes,
        string name
    )
    {
        var (instance, copy) = Copy(
            Instance(
                DicomElement.Text(0x0008_0005, "CS", characterSet),
                DicomElement.Text(0x0010_0010, "PN", bytes)
            )
        );
        Assert.Equal(name, instance.Identity[0x0010_0010]);
        Assert.Equal(-1, copy.AsSpan().IndexOf(Encoding.Latin1.GetBytes(bytes)));
    }

    [Fact]
    public void Patients_without_an_id_are_not_made_one()
    {
        var (_, bytes) = Copy(Instance(DicomElement.Text(0x0010_0020, "LO", "")));
        Assert.Equal("", Text(bytes, "00100020"));
    }

    [Theory]
    [InlineData(0x0008_0016u, "SOPClassUID")]
    [InlineData(0x0008_0018u, "SOPInstanceUID")]
    [InlineData(0x0020_000Du, "StudyInstanceUID")]
    [InlineData(0x0020_000Eu, "SeriesInstanceUID")]
    public void An_instance_without_its_identifiers_is_refused(uint tag, string name)
    {
        var refusal = Assert.Throws<VolumeException>(() =>
            Copy(Instance().Where(element => element.Tag != tag))
        );
        Assert.Equal(VolumeFault.CorruptData, refusal.Fault);
        Assert.Contains(name, refusal.Message);
    }

    [Fact]
    public void Text_in_the_place_of_numbers_is_removed_whatever_it_says_it_is()
    {
        var (_, bytes) = Copy(
            Instance(
                DicomElement.Text(0x0018_0050, "UL", "JANE DOE"),
                DicomElement.Text(0x0018_0080, "LO", "JANE DOE"),
                DicomElement.Text(0x0018_0081, "DS", "JANE DOE"),
                DicomElement.Text(0x0018_0083, "DS", "1\\DOE"),
                DicomElement.Text(0x0018_0091, "IS", "NaN"),
                new DicomElement(0x0028_0010, "US", [1, 2, 3])
            )
        );
        Assert.DoesNotContain(
            Read(bytes).Keys,
            path => path.StartsWith("0018", StringComparison.Ordinal) || path == "00280010"
        );
    }

    [Fact]
    public void Who_an_instance_was_is_not_in_its_text()
    {
        var (instance, _) = Copy(Instance());
        Assert.Equal($"instance {instance.SopInstanceUid}", $"{instance}");
    }
}
