using System.Text;

namespace Platform.Dicom.Deidentification;

/// <summary>Decodes text of the character sets of PS3.3 section C.12.1.1.2, with code extensions of ISO 2022 (PS3.5 section 6.1.2). Never fails.</summary>
internal sealed class CharacterSet
{
    private const byte Escape = 0x1B;

    /// <summary>Code pages of terms without the words before their number.</summary>
    private static readonly Dictionary<string, int> Pages = new()
    {
        ["100"] = 28591,
        ["101"] = 28592,
        ["109"] = 28593,
        ["110"] = 28594,
        ["144"] = 28595,
        ["127"] = 28596,
        ["126"] = 28597,
        ["138"] = 28598,
        ["148"] = 28599,
        ["203"] = 28605,
        ["166"] = 874,
        ["13"] = 932,
        ["192"] = 65001,
        ["GB18030"] = 54936,
        ["GBK"] = 936,
    };

    /// <summary>What an escape sequence begins: a code page, whether its bytes get their high bit set, and what stands before each pair of them.</summary>
    private static readonly (string Sequence, int Page, bool IsRaised, byte[] Prefix)[] Sets =
    [
        ("(B", 20127, false, []),
        ("(J", 20127, false, []),
        (")I", 932, true, []),
        ("(I", 932, true, []),
        ("$B", 51932, true, []),
        ("$@", 51932, true, []),
        ("$(D", 51932, true, [0x8F]),
        ("$)C", 51949, false, []),
        ("$)A", 936, false, []),
        ("-A", 28591, false, []),
        ("-B", 28592, false, []),
        ("-C", 28593, false, []),
        ("-D", 28594, false, []),
        ("-L", 28595, false, []),
        ("-G", 28596, false, []),
        ("-F", 28597, false, []),
        ("-H", 28598, false, []),
        ("-M", 28599, false, []),
        ("-b", 28605, false, []),
        ("-T", 874, false, []),
    ];

    private readonly Encoding _initial;

    /// <param name="specific">The values of SpecificCharacterSet, with backslashes between; none of them is ASCII.</param>
    public CharacterSet(string specific)
    {
        var first = specific.Split('\\')[0].Trim();
        _initial = Pages.TryGetValue(first.Split(' ', '_')[^1], out var page)
            ? Encoding(page)
            : System.Text.Encoding.Latin1;
    }

    /// <summary>The text, without padding.</summary>
    public string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var encoding = _initial;
        (bool IsRaised, byte[] Prefix) set = (false, []);
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOf(Escape);
            Append(text, encoding, set.IsRaised, set.Prefix, end < 0 ? bytes : bytes[..end]);
            if (end < 0)
            {
                break;
            }
            bytes = bytes[(end + 1)..];
            foreach (var (sequence, page, isRaised, prefix) in Sets)
            {
                if (bytes.StartsWith(System.Text.Encoding.ASCII.GetBytes(sequence)))
                {
                    // A set of the upper half leaves the lower one ASCII; ASCII leaves the upper one as it was.
                    encoding = page == 20127 ? encoding : Encoding(page);
                    set = (isRaised, prefix);
                    bytes = bytes[sequence.Length..];
                    break;
                }
            }
        }
        return text.ToString().Trim('\0', ' ');
    }

    private static void Append(
        StringBuilder text,
        Encoding encoding,
        bool isRaised,
        byte[] prefix,
        ReadOnlySpan<byte> bytes
    )
    {
        if (!isRaised)
        {
            text.Append(encoding.GetString(bytes));
            return;
        }
        var raised = new List<byte>();
        for (var n = 0; n < bytes.Length; n++)
        {
            if (prefix.Length > 0 && n % 2 == 0)
            {
                raised.AddRange(prefix);
            }
            raised.Add((byte)(bytes[n] | 0x80));
        }
        text.Append(encoding.GetString([.. raised]));
    }

    private static Encoding Encoding(int page) =>
        CodePagesEncodingProvider.Instance.GetEncoding(page)
        ?? System.Text.Encoding.GetEncoding(page);
}
