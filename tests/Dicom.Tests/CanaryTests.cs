using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Imaging;
using Platform.Testing;
using static Platform.Dicom.Tests.Deidentified;

namespace Platform.Dicom.Tests;

/// <summary>A word planted in every element that can hold text is nowhere in the copy.</summary>
public class CanaryTests
{
    private const string Canary = "XCANARYX";

    private static readonly string[] ByteVrs = ["OB", "OW", "OL", "OF", "OD", "OV", "UN"];

    [Theory]
    [InlineData("1.2.840.10008.1.2", false)]
    [InlineData("1.2.840.10008.1.2.1", false)]
    [InlineData("1.2.840.10008.1.2.1", true)]
    [InlineData("1.2.840.10008.1.2.2", true)]
    [InlineData("1.2.840.10008.1.2.1.99", true)]
    public void Nothing_of_what_is_planted_in_every_element_is_in_the_copy(
        string syntax,
        bool options
    )
    {
        var policy = options
            ? AllOptions with
            {
                RetainDeviceIdentity = false,
                RetainInstitution = false,
            }
            : new();
        var everything = Everything().ToArray();
        var elements = Instance([
            .. everything,
            DicomElement.Sequence(0x0040_A730, everything, everything) with
            {
                IsDelimited = true,
            },
            DicomElement.Sequence(0x0008_1140, [DicomElement.Sequence(0x0008_1140, everything)]),
            DicomElement.Sequence(0x0009_10F2, everything),
            new(0x7FE0_0010, "OW", new byte[8]),
            DicomElement.Sequence(0xFFFA_FFFA, everything),
            new(0xFFFC_FFFC, "OB", Encoding.ASCII.GetBytes(Canary)),
        ]);
        var file = DicomElement.File(syntax, elements);
        Encoding.ASCII.GetBytes(Canary).CopyTo(file, 8); // in the preamble
        Assert.True(syntax.EndsWith("99", StringComparison.Ordinal) || Count(file) > 5000);
        var (_, bytes) = Copy(file, policy);
        AssertNowhere(bytes);
    }

    [Fact]
    public void Device_and_institution_keep_what_they_name_and_nothing_else()
    {
        var policy = new DeidentificationPolicy
        {
            RetainDeviceIdentity = true,
            RetainInstitution = true,
        };
        var (_, bytes) = Copy(Instance([.. Everything()]), policy);
        var kept = AttributeRule.All.Count(rule =>
            rule.Option is DeidentificationOption.Device or DeidentificationOption.Institution
            && rule.OptionAction == DeidentificationAction.Keep
            && DicomElement.TextRepresentations.Contains(rule.Vrs[0])
        );
        Assert.InRange(kept, 20, 60);
        Assert.Equal(kept, Count(bytes));
    }

    /// <summary>Every attribute of the table, attributes it does not name, and private ones, each of them the canary.</summary>
    private static IEnumerable<DicomElement> Everything()
    {
        uint[] needed = [0x0008_0016, 0x0008_0018, 0x0020_000D, 0x0020_000E];
        foreach (var rule in AttributeRule.All)
        {
            var vr = rule.Vrs[0];
            if (needed.Contains(rule.Tag) || rule.Tag >> 16 >= 0x7FE0)
            {
                continue;
            }
            if (DicomElement.TextRepresentations.Contains(vr))
            {
                yield return DicomElement.Text(rule.Tag, vr, Canary);
            }
            else if (ByteVrs.Contains(vr) && rule.Action != DeidentificationAction.Keep)
            {
                yield return new(rule.Tag, vr, Encoding.Unicode.GetBytes(Canary));
            }
        }
        foreach (
            var group in new uint[]
            {
                0x0009,
                0x0010,
                0x0019,
                0x0029,
                0x0043,
                0x0070,
                0x2001,
                0x5002,
                0x6000,
                0x6004,
            }
        )
        {
            if (group % 2 == 1)
            {
                yield return DicomElement.Text(group << 16 | 0x0010, "LO", Canary);
            }
            foreach (var (n, vr) in DicomElement.TextRepresentations.Concat(ByteVrs).Index())
            {
                yield return DicomElement.Text(
                    (group << 16) + (group % 2 == 1 ? 0x1000u : 0x9000u) + (uint)n,
                    vr,
                    Canary
                );
            }
        }
        yield return DicomElement.Text(0x0019_0011, "LO", "SIEMENS MR HEADER");
        yield return DicomElement.Text(0x0019_110C, "IS", Canary);
        yield return DicomElement.Text(0x0019_110D, "CS", Canary);
        yield return DicomElement.Text(0x0019_1108, "LO", Canary);
    }

    private static int Count(byte[] bytes)
    {
        var count = 0;
        for (var at = 0; (at = At(bytes, at)) >= 0; at++)
        {
            count++;
        }
        return count;

        static int At(byte[] bytes, int from)
        {
            var found = bytes.AsSpan(from).IndexOf(Encoding.ASCII.GetBytes(Canary));
            return found < 0 ? -1 : from + found;
        }
    }

    private static void AssertNowhere(byte[] bytes)
    {
        foreach (var word in new[] { Canary, Canary[1..^1], Canary.ToLowerInvariant() })
        {
            foreach (
                var encoding in new[]
                {
                    Encoding.ASCII,
                    Encoding.Unicode,
                    Encoding.BigEndianUnicode,
                }
            )
            {
                Assert.Equal(-1, bytes.AsSpan().IndexOf(encoding.GetBytes(word)));
            }
        }
    }

    [Fact]
    public void Every_file_of_data_dicom_with_canaries_is_copied_without_them()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is not { Length: > 0 } data)
        {
            return;
        }
        var copied = 0;
        foreach (
            var file in Directory
                .EnumerateFiles(Path.Combine(data, "dicom"), "*", SearchOption.AllDirectories)
                .Where(file => !file.EndsWith(".gz", StringComparison.Ordinal))
        )
        {
            byte[] planted,
                bytes;
            try
            {
                planted = Plant(file);
                (_, bytes) = Copy(planted, Dates with { CleanDescriptors = true });
            }
            catch (VolumeException refusal)
            {
                Assert.NotEmpty(refusal.Message);
                continue;
            }
            Assert.InRange(Count(planted), 5, int.MaxValue);
            AssertNowhere(bytes);
            copied++;
        }
        Assert.InRange(copied, 200, 300);
    }

    /// <summary>The file with the canary in every element of text.</summary>
    private static byte[] Plant(string file)
    {
        using var source = File.OpenRead(file);
        using var parser = new DicomParser(source);
        using var target = new MemoryStream();
        using var copier = new InstanceCopier(parser, new Planter(), target);
        copier.Copy();
        return target.ToArray();
    }

    private sealed class Planter : InstanceEditor
    {
        public override uint LastOfHead => DicomTag.SopInstanceUid;

        public override IReadOnlyList<(uint Tag, Action<ElementWriter> Write)> Added => [];

        public override (Copying How, string Vr) Decide(Element element) =>
            element.Vr == "SQ" ? (Copying.Items, "SQ")
            : ValueRules.IsText(element.Vr) ? (Copying.Value, element.Vr)
            : (Copying.Bytes, element.Vr);

        public override byte[] Edit(Element element, ReadOnlySpan<byte> value)
        {
            (SopClassUid, SopInstanceUid) = ("1.2", "1.2");
            return element.Vr is "UI" or "DS" or "IS"
                ? value.ToArray()
                : Encoding.ASCII.GetBytes(Canary);
        }
    }
}
