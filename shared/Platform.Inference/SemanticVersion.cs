using System.Globalization;
using System.Text.RegularExpressions;

namespace Platform.Inference;

/// <summary>Order of model versions: MAJOR.MINOR.PATCH by number, a pre-release (1.0.0-rc.1) before its release.</summary>
public sealed partial class SemanticVersion : IComparer<string>
{
    /// <summary>The one comparer.</summary>
    public static SemanticVersion Comparer { get; } = new();

    /// <summary>Whether a text is a version.</summary>
    public static bool IsValid(string version) => Pattern().IsMatch(version);

    /// <summary>The version of a candidate for a release: used only where its full name is asked for.</summary>
    /// <param name="release">MAJOR.MINOR.PATCH.</param>
    public static string Candidate(string release) => release + CandidateSuffix;

    /// <summary>Whether a version is that of a candidate.</summary>
    public static bool IsCandidate(string version) =>
        version.EndsWith(CandidateSuffix, StringComparison.Ordinal);

    private const string CandidateSuffix = "-candidate";

    /// <summary>Orders two versions; what is not one comes first.</summary>
    public int Compare(string? x, string? y)
    {
        var (a, b) = (Pattern().Match(x ?? ""), Pattern().Match(y ?? ""));
        if (!a.Success || !b.Success)
        {
            return a.Success.CompareTo(b.Success);
        }
        for (var n = 1; n <= 3; n++)
        {
            var order = Number(a.Groups[n]).CompareTo(Number(b.Groups[n]));
            if (order != 0)
            {
                return order;
            }
        }
        var (left, right) = (a.Groups[4].Value, b.Groups[4].Value);
        return (left, right) switch
        {
            ("", "") => 0,
            ("", _) => 1,
            (_, "") => -1,
            _ => string.CompareOrdinal(left, right),
        };
    }

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]+))?$")]
    private static partial Regex Pattern();
}
