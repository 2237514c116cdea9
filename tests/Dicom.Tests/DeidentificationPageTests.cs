using System.Globalization;
using System.Text;
using Platform.Dicom.Deidentification;

namespace Platform.Dicom.Tests;

/// <summary>The page deidentification.md tells, tag by tag, what the code does.</summary>
public class DeidentificationPageTests
{
    private const string Write = "PLATFORM_WRITE_PAGES";

    [Fact]
    public void The_page_is_what_the_code_does()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Platform.sln")))
        {
            folder = folder.Parent!;
        }
        var file = Path.Combine(folder.FullName, "shared/Platform.Dicom/deidentification.md");
        if (Environment.GetEnvironmentVariable(Write) is { Length: > 0 })
        {
            File.WriteAllText(file, Page());
        }
        Assert.True(
            File.Exists(file) && File.ReadAllText(file) == Page(),
            $"deidentification.md is stale: run \"{Write}=1 dotnet test tests/Dicom.Tests --filter {nameof(DeidentificationPageTests)}\""
        );
    }

    [Fact]
    public void The_table_names_every_attribute_once_ascending()
    {
        Assert.Equal(
            AttributeRule.All.Select(rule => rule.Tag).Distinct().Order(),
            AttributeRule.All.Select(rule => rule.Tag)
        );
        Assert.All(AttributeRule.All, rule => Assert.True(Enum.IsDefined(rule.Action)));
        Assert.All(AttributeRule.All, rule => Assert.True(Enum.IsDefined(rule.OptionAction)));
        // Free text stays under no rule but one that reads it.
        Assert.DoesNotContain(
            AttributeRule.All,
            rule =>
                rule.Action == DeidentificationAction.Keep
                && rule.Vrs.Any(vr => ValueRules.IsText(vr) && vr is not ("DS" or "IS"))
        );
    }

    private static string Page()
    {
        var page = new StringBuilder(
            """
            # De-identification

            `Deidentifier` copies an instance element by element by the Basic Application Level Confidentiality Profile (DICOM PS3.15 annex E) and the options of
            a site's `DeidentificationPolicy`. There are two walls. The first is the table below: every attribute the profile names and those that images need,
            in the form of `Deidentification/attributes.txt`. The second is for what the table does not name: free text, bytes and unknown representations are
            removed, coded strings stay where they are defined terms, numbers where they parse as numbers. Both hold at every depth of sequences.

            | | |
            |---|---|
            | UIDs | the standard's own stay; every other becomes 2.25. and a pseudonym, the same wherever it stands, so that references between instances hold |
            | patient id | a pseudonym of issuer and id; an empty one stays empty |
            | dates | removed; or, with *Dates*, all of a patient's go back by the same 1 to 3,650 days, and times of day stay. What is no full date, or stands for none (1900-01-01), is treated as without the option |
            | ages | with *Patient*; 90 years and above are 090Y |
            | coded strings | each must be a defined term or put together of such by underscores; of several an unknown one becomes OTHER |
            | descriptions | removed; with *Descriptors*, of series, study, step, protocol, contrast agent and segment the known words are kept, for sequences, planes and body parts |
            | codes | value, scheme and known words of the meaning, in sequences that the table keeps; elsewhere they are removed |
            | manufacturer, model | a known manufacturer's usual name; else device- and eight digits of a pseudonym, the same for the same |
            | private elements | removed but for a list of numbers by creator; the header of Siemens is made anew from its numbers |
            | overlays, curves, icons, documents, signatures, what follows the pixels | removed |
            | preamble, meta information | made anew |
            | pixel data | copied as they are; whether they may show text is flagged: BurnedInAnnotation, and without it kinds of image that usually do, as do overlays in unused bits |

            Not done: text inside pixels is not found or blanked, and faces are not removed; comments inside a JPEG codestream, bytes of pixel data beyond the last
            pixel and arrays of binary numbers are copied unread.

            The options are properties of the policy: *Patient* `RetainPatientCharacteristics`, *Device* `RetainDeviceIdentity`, *Institution* `RetainInstitution`,
            *Dates* `RetainLongitudinalDates`, *Uids* `RetainUids`, *Descriptors* `CleanDescriptors`; `SafePrivate` is the list of private elements.

            ## Private elements that stay by default

            | creator | element | VR |
            |---|---|---|

            """
        );
        foreach (var safe in DeidentificationPolicy.KnownSafePrivate)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"| {safe.Creator} | ({safe.Group:X4},xx{safe.Element:X2}) | {safe.Vr} |\n"
            );
        }
        page.Append(
            "\n## Attributes\n\n| tag | name | VR | by default | with an option |\n|---|---|---|---|---|\n"
        );
        foreach (var rule in AttributeRule.All)
        {
            var option =
                rule.Option == DeidentificationOption.None
                    ? ""
                    : $"*{rule.Option}*: {Words(rule.OptionAction, rule, isOption: true)}";
            page.Append(
                CultureInfo.InvariantCulture,
                $"| ({rule.Tag >> 16:X4},{rule.Tag & 0xFFFF:X4}) | {rule.Keyword} | {string.Join(" or ", rule.Vrs)} | {Words(rule.Action, rule, isOption: false)} | {option} |\n"
            );
        }
        return page.ToString();
    }

    private static string Words(DeidentificationAction action, AttributeRule rule, bool isOption) =>
        (action, rule.Vrs[0]) switch
        {
            (DeidentificationAction.Remove, _) => "removed",
            (DeidentificationAction.Empty, _) => "empty",
            (DeidentificationAction.Dummy, "SQ") => "items cleaned",
            (DeidentificationAction.Dummy, "OB" or "UN") => "removed",
            (DeidentificationAction.Dummy, _) => "dummy",
            (DeidentificationAction.Uid, _) => "pseudonym",
            (DeidentificationAction.Pseudonym, _) => "pseudonym",
            (DeidentificationAction.Keep, "SQ") => "items cleaned",
            (DeidentificationAction.Keep, "DS" or "IS") => "kept where numbers",
            (DeidentificationAction.Keep, _) => "kept",
            (DeidentificationAction.Clean, "CS") => "defined terms",
            (DeidentificationAction.Clean, "UI") => "the standard's, else pseudonym",
            (DeidentificationAction.Clean, "DA" or "DT") => "shifted",
            (DeidentificationAction.Clean, "TM") => "kept where a time",
            (DeidentificationAction.Clean, "AS") => "kept, 090Y at most",
            _ => isOption ? "known words" : "known terms, codes and words",
        };
}
