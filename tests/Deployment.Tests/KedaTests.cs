using System.Text;

namespace Deployment.Tests;

/// <summary>KEDA's objects, held against KEDA's own types: the compiler refuses unknown fields, its validator missing ones.</summary>
public class KedaTests
{
    [Fact]
    public void Every_scaling_object_has_the_fields_keda_knows_and_none_besides() =>
        Check(Chart.Documents);

    [Fact]
    public void A_misspelt_field_would_be_seen()
    {
        var scaled = Chart.Documents.First(d => d.Kind == "ScaledObject");
        var refused = Assert.Throws<InvalidOperationException>(() =>
            Check(
                [scaled],
                json => json.Replace("minReplicaCount", "minReplicas", StringComparison.Ordinal)
            )
        );
        Assert.Contains("minReplicas", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_field_would_be_seen()
    {
        var scaled = Chart.Documents.First(d => d.Kind == "ScaledObject");
        Assert.Throws<InvalidOperationException>(() =>
            Check(
                [scaled],
                json => json.Replace("\"type\":\"rabbitmq\",", "", StringComparison.Ordinal)
            )
        );
    }

    private static void Check(
        IEnumerable<ChartDocument> documents,
        Func<string, string>? spoil = null
    )
    {
        var program = new StringBuilder();
        foreach (var kind in (string[])["ScaledObject", "TriggerAuthentication"])
        {
            program.Append(
                $"import {{ {kind}, type I{kind} }} from '@kubernetes-models/keda/keda.sh/v1alpha1/{kind}';\n"
            );
        }
        foreach (
            var (index, document) in documents
                .Where(d => d.Kind is "ScaledObject" or "TriggerAuthentication")
                .Index()
        )
        {
            var json = spoil?.Invoke(document.Json) ?? document.Json;
            program.Append(
                $"const o{index}: I{document.Kind} = {json};\nnew {document.Kind}(o{index}).validate();\n"
            );
        }
        // Below the tools, where the compiler finds their node_modules.
        var folder = Path.Combine(Chart.Tools, "check", Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(folder);
        try
        {
            File.WriteAllText(Path.Combine(folder, "check.mts"), program.ToString());
            var compiler = Path.Combine(Chart.Tools, "node_modules", "typescript", "bin", "tsc");
            Repository.Run(
                folder,
                "node",
                [
                    compiler,
                    "--strict",
                    "--skipLibCheck",
                    "--target",
                    "es2022",
                    "--module",
                    "nodenext",
                    "check.mts",
                ]
            );
            Repository.Run(folder, "node", "check.mjs");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
