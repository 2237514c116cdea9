using System.Collections.Frozen;
using System.Globalization;

namespace Platform.Dicom.Deidentification;

/// <summary>What happens to an attribute, by the letters of PS3.15 table E.1-1.</summary>
internal enum DeidentificationAction
{
    /// <summary>X: removed.</summary>
    Remove = 'X',

    /// <summary>Z: left empty.</summary>
    Empty = 'Z',

    /// <summary>D: a dummy of its representation; of a sequence, its items are cleaned.</summary>
    Dummy = 'D',

    /// <summary>U: another UID, the same for the same.</summary>
    Uid = 'U',

    /// <summary>K: kept where it is what its representation says; a sequence item by item.</summary>
    Keep = 'K',

    /// <summary>C: what is known to say nothing of a person is kept: known terms and words, codes, the standard's own UIDs, shifted dates.</summary>
    Clean = 'C',

    /// <summary>P, our own: a known manufacturer or number, else a pseudonym.</summary>
    Pseudonym = 'P',
}

/// <summary>Under which option of the profile something else happens.</summary>
internal enum DeidentificationOption
{
    None,
    Patient,
    Device,
    Institution,
    Dates,
    Uids,
    Descriptors,
}

/// <summary>
/// What happens to one attribute. The table is attributes.txt: every attribute that PS3.15 table E.1-1 names (of its choices the one that keeps objects
/// readable), and those this platform needs. Names and representations are those of PS3.6.
/// </summary>
/// <param name="Tag">Group · 65536 + element.</param>
/// <param name="Vrs">Value representations it may have, the usual one first.</param>
/// <param name="Action">By default.</param>
/// <param name="Option">With which something else happens.</param>
/// <param name="OptionAction">What happens then.</param>
/// <param name="Keyword">Its name; empty where the table does not name it.</param>
internal sealed record AttributeRule(
    uint Tag,
    IReadOnlyList<string> Vrs,
    DeidentificationAction Action,
    DeidentificationOption Option,
    DeidentificationAction OptionAction,
    string Keyword
)
{
    private const char None = '-';

    /// <summary>Every attribute of the table, ascending.</summary>
    public static IReadOnlyList<AttributeRule> All { get; } = [.. ReadTable()];

    private static readonly FrozenDictionary<uint, AttributeRule> ByTag = All.ToFrozenDictionary(
        rule => rule.Tag
    );

    private static readonly AttributeRule Unnamed = new(
        0,
        [],
        DeidentificationAction.Remove,
        DeidentificationOption.None,
        DeidentificationAction.Remove,
        ""
    );

    /// <summary>What happens to an attribute that the table does not name, by its representation.</summary>
    private static readonly FrozenDictionary<string, AttributeRule> ByVr = new[]
    {
        (DeidentificationOption.None, DeidentificationAction.Clean, "CS"),
        (DeidentificationOption.None, DeidentificationAction.Keep, "SQ AT DS FD FL IS SL SS UL US"),
        (DeidentificationOption.Dates, DeidentificationAction.Clean, "DA DT TM"),
        (DeidentificationOption.Uids, DeidentificationAction.Keep, "UI"),
    }
        .SelectMany(group =>
            group
                .Item3.Split(' ')
                .Select(vr =>
                    Unnamed with
                    {
                        Vrs = [vr],
                        Option = group.Item1,
                        OptionAction = group.Item2,
                        Action = group.Item1 switch
                        {
                            DeidentificationOption.Dates => DeidentificationAction.Remove,
                            DeidentificationOption.Uids => DeidentificationAction.Clean,
                            _ => group.Item2,
                        },
                    }
                )
        )
        .ToFrozenDictionary(rule => rule.Vrs[0]);

    /// <summary>The rule of the attribute; null where the table does not name it.</summary>
    public static AttributeRule? Of(uint tag) => ByTag.GetValueOrDefault(tag);

    /// <summary>The rule of an attribute that the table does not name: free text, bytes and what is unknown are removed.</summary>
    public static AttributeRule OfVr(string vr) => ByVr.GetValueOrDefault(vr, Unnamed);

    /// <summary>What happens under a policy.</summary>
    public DeidentificationAction Under(DeidentificationPolicy policy) =>
        policy.Retains(Option) ? OptionAction : Action;

    private static IEnumerable<AttributeRule> ReadTable()
    {
        using var stream = typeof(AttributeRule).Assembly.GetManifestResourceStream(
            "attributes.txt"
        )!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var option = columns[3].Split(':');
            yield return new AttributeRule(
                uint.Parse(columns[0].Replace(",", ""), NumberStyles.HexNumber, null),
                columns[1].Split('/'),
                (DeidentificationAction)columns[2][0],
                option[0][0] == None
                    ? DeidentificationOption.None
                    : Enum.Parse<DeidentificationOption>(option[0], ignoreCase: true),
                option[0][0] == None
                    ? (DeidentificationAction)columns[2][0]
                    : (DeidentificationAction)option[1][0],
                columns[4]
            );
        }
    }
}
