using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Platform.Dicom.Deidentification;

/// <summary>Applies a rule to the value of an element. What it returns is ASCII.</summary>
internal sealed partial class ValueRules(
    DeidentificationPolicy policy,
    Func<string, string> pseudonymOf
)
{
    private const string StandardRoot = "1.2.840.10008.";
    private const string Removed = "REMOVED";
    private const uint CodeValue = 0x0008_0100;
    private const uint CodeMeaning = 0x0008_0104;
    private const int MostNumberCharacters = 32;
    private const int MostTextCharacters = 64;

    /// <summary>Whether values of this representation are characters.</summary>
    public static bool IsText(string vr) =>
        vr
            is "AE"
                or "AS"
                or "CS"
                or "DA"
                or "DS"
                or "DT"
                or "IS"
                or "LO"
                or "LT"
                or "PN"
                or "SH"
                or "ST"
                or "TM"
                or "UC"
                or "UI"
                or "UR"
                or "UT";

    /// <summary>Whether values of this representation are numbers, or tags.</summary>
    public static bool IsNumber(string vr) =>
        vr is "AT" or "DS" or "FD" or "FL" or "IS" or "SL" or "SS" or "UL" or "US";

    /// <summary>Whether there may be a great many values.</summary>
    public static bool IsList(string vr) => vr is "DS" or "IS" or "UI";

    /// <summary>The value to be written; null removes the element. Dates are not shifted yet.</summary>
    public byte[]? Apply(AttributeRule rule, Element element, ReadOnlySpan<byte> value)
    {
        var text = Encoding.Latin1.GetString(value).Trim('\0', ' ');
        var action = rule.Under(policy);
        var edited =
            Act(action, element, text)
            ?? (action == rule.Action ? null : Act(rule.Action, element, text));
        return edited is null ? null : Encoding.ASCII.GetBytes(edited);
    }

    /// <summary>The value of a private element where it is what its representation says, and not free text; else null.</summary>
    public static byte[]? Keep(string vr, ReadOnlySpan<byte> value)
    {
        if (vr == SiemensHeader.Vr)
        {
            return SiemensHeader.NumbersOf(value);
        }
        var text = Encoding.Latin1.GetString(value).Trim('\0', ' ');
        var kept =
            vr == "CS" ? Terms(text)
            : vr is "DS" or "IS" ? Numbers(text)
            : null;
        return kept is null ? null : Encoding.ASCII.GetBytes(kept);
    }

    /// <summary>The UID in the copy.</summary>
    /// <param name="uid">As it was sent.</param>
    /// <param name="isStandardKept">Whether it may be one of the standard's own.</param>
    public string Uid(string uid, bool isStandardKept) =>
        uid.Length == 0
        || IsUid().IsMatch(uid)
            && (
                policy.RetainUids
                || isStandardKept && uid.StartsWith(StandardRoot, StringComparison.Ordinal)
            )
            ? uid
            : DicomUid.FromPseudonym(pseudonymOf($"dicom:{uid}"));

    private string? Act(DeidentificationAction action, Element element, string text) =>
        action switch
        {
            DeidentificationAction.Empty => "",
            DeidentificationAction.Dummy => Dummy(element.Vr),
            DeidentificationAction.Uid => Uids(text, isStandardKept: false),
            DeidentificationAction.Keep => Kept(element.Vr, text),
            DeidentificationAction.Clean => Cleaned(element, text),
            DeidentificationAction.Pseudonym => Pseudonym(element.Tag, text),
            _ => null,
        };

    private static string? Dummy(string vr) =>
        vr switch
        {
            "DA" => PatientDates.Dummy,
            "DT" => PatientDates.Dummy + "000000",
            "TM" => "000000",
            "AS" => "000Y",
            "DS" or "IS" => "0",
            "UI" => null,
            _ => Removed,
        };

    private string? Kept(string vr, string text) =>
        vr switch
        {
            "DS" or "IS" => Numbers(text),
            "UI" => Uids(text, isStandardKept: true),
            _ => text.Length is > 0 and <= MostTextCharacters
            && text.All(c => c is >= ' ' and <= '~')
                ? text
                : null,
        };

    private string? Cleaned(Element element, string text)
    {
        switch (element.Vr)
        {
            case "CS":
                return Terms(text);
            case "UI":
                return Uids(text, isStandardKept: true);
            case "AS":
                return Age(text);
            case "DA" or "DT" or "TM":
                var dates = text.Split('\\')
                    .Select(date => PatientDates.Normalise(element.Vr, date.Trim()))
                    .ToArray();
                return text.Length == 0 ? ""
                    : dates.Contains(null) ? null
                    : string.Join('\\', dates);
        }
        if (element.Tag == CodeValue)
        {
            // Hospitals have codes of their own where a procedure or a person is meant.
            return
                AttributeRule.Of(element.Parent)?.Action == DeidentificationAction.Keep
                && (IsCode().IsMatch(text) || KnownTerms.IsTerm(text))
                ? text
                : null;
        }
        if (KnownTerms.IsTerm(text) || IsShortNumber().IsMatch(text))
        {
            return text;
        }
        var words = KnownTerms.WordsOf(text);
        return words.Length == 0
            ? element.Tag == CodeMeaning
                ? Removed
                : null
            : words.Length <= MostTextCharacters
                ? words
                : words[..MostTextCharacters];
    }

    /// <summary>
    /// Coded strings, of each its known parts: of several one without any becomes OTHER, so that the others keep their places; alone it is removed.
    /// </summary>
    private static string? Terms(string text)
    {
        var values = text.Split('\\')
            .Select(value => value.Trim())
            .Select(value => IsShortNumber().IsMatch(value) ? value : KnownTerms.TermOf(value))
            .ToArray();
        return values is [var only]
            ? only
            : string.Join('\\', values.Select(value => value ?? "OTHER"));
    }

    /// <summary>Decimal numbers as they are written; null where one of them is none.</summary>
    private static string? Numbers(string text) =>
        text.Length == 0
        || text.Split('\\')
            .All(number =>
                number.Length <= MostNumberCharacters
                && (string.IsNullOrWhiteSpace(number) || IsDecimal().IsMatch(number.Trim()))
            )
            ? text
            : null;

    private string Uids(string text, bool isStandardKept) =>
        string.Join('\\', text.Split('\\').Select(uid => Uid(uid.Trim('\0', ' '), isStandardKept)));

    /// <summary>An age; 90 years and above are one.</summary>
    private static string? Age(string text) =>
        text.Length != 4 || !text[..3].All(char.IsAsciiDigit) || !"DWMY".Contains(text[3]) ? null
        : text[3] == 'Y' && int.Parse(text[..3], CultureInfo.InvariantCulture) >= 90 ? "090Y"
        : text;

    private string Pseudonym(uint tag, string text) =>
        text.Length == 0 || tag == DicomTag.StackId && IsShortNumber().IsMatch(text) ? text
        : tag == DicomTag.Manufacturer && KnownTerms.Manufacturer(text) is { } maker ? maker
        : $"{(tag == DicomTag.StackId ? "stack" : "device")}-{pseudonymOf($"device:{text}")[..8]}";

    [GeneratedRegex(@"\A[0-9.]{1,64}\z")]
    private static partial Regex IsUid();

    [GeneratedRegex(@"\A[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\z")]
    private static partial Regex IsDecimal();

    [GeneratedRegex(@"\A\d{1,4}\z")]
    private static partial Regex IsShortNumber();

    /// <summary>Of SNOMED (both ways), DCM, FMA and LOINC.</summary>
    [GeneratedRegex(@"\A([A-Z][0-9]?-[0-9A-F]{4,5}|\d{5,18}|\d{1,5}-\d)\z")]
    private static partial Regex IsCode();
}
