using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>The section of a model's card that a benchmark writes, between two marks.</summary>
internal static class ModelCard
{
    private const string Start = "<!-- bench:accuracy -->";
    private const string End = "<!-- /bench:accuracy -->";

    /// <param name="packages">The folder that holds models/.</param>
    /// <param name="model">Whose card.</param>
    /// <param name="section">Markdown, ending in a line break.</param>
    public static void Rewrite(string packages, ModelManifest model, string section)
    {
        var path = Path.Combine(packages, "models", model.Name, model.Version, "card.md");
        var card = File.Exists(path) ? File.ReadAllText(path) : "";
        var from = card.IndexOf(Start, StringComparison.Ordinal);
        var to = card.IndexOf(End, StringComparison.Ordinal);
        if (from < 0 || to < from)
        {
            Console.Error.WriteLine($"bench accuracy: {path} has no accuracy section to rewrite");
            return;
        }
        File.WriteAllText(
            path,
            $"{card[..from]}{Start}\n`./platform bench accuracy` rewrites this section.\n\n{section}{card[to..]}"
        );
    }
}
