namespace Deployment.Tests;

/// <summary>The dependency rules, held by what the project files say.</summary>
public class ArchitectureTests
{
    private static ProjectFile Project(string name) =>
        Repository.Projects.Single(p => p.Name == name);

    [Fact]
    public void No_service_refers_to_another_except_standalone_which_composes_them()
    {
        var services = Repository.Projects.Where(p => p.IsService).Select(p => p.Name).ToHashSet();
        var wrong = Repository
            .Projects.Where(p => p.IsService && p.Name != "Platform.Standalone")
            .SelectMany(p => p.References.Where(services.Contains).Select(r => $"{p} → {r}"));
        Repository.None(wrong);
    }

    [Fact]
    public void Standalone_composes_every_service_but_training_and_the_hospitals_edge()
    {
        var expected = Repository
            .Projects.Where(p =>
                p.IsService
                && p.Name is not ("Platform.Standalone" or "Platform.Training" or "Platform.Edge")
            )
            .Select(p => p.Name);
        Assert.Equal(expected.Order(), Project("Platform.Standalone").References.Order());
    }

    [Theory]
    [InlineData("Platform.Imaging")]
    [InlineData("Platform.Contracts")]
    [InlineData("Platform.Dicom", "Platform.Imaging")]
    [InlineData("Platform.Inference", "Platform.Imaging")]
    [InlineData("Platform.Hosting", "Platform.Contracts", "Platform.Imaging")]
    [InlineData("Platform.Serving", "Platform.Contracts", "Platform.Hosting", "Platform.Inference")]
    public void A_shared_project_refers_to_no_more_than_the_layer_below(
        string name,
        params string[] allowed
    ) => Repository.None(Project(name).References.Except(allowed));

    [Fact]
    public void No_shared_project_or_service_refers_to_tests() =>
        Repository.None(
            Repository
                .Projects.Where(p => !p.IsTest)
                .SelectMany(p =>
                    p.References.Where(r => Project(r).IsTest).Select(r => $"{p} → {r}")
                )
        );

    [Fact]
    public void Imaging_is_pure_no_dependency_injection_no_logging_no_server()
    {
        string[] allowed = ["System.Numerics.Tensors", "ZstdSharp.Port"];
        Repository.None(Project("Platform.Imaging").Packages.Except(allowed));
    }

    public static TheoryData<string, string[]> Owners =>
        new()
        {
            { "Azure.", ["Platform.Hosting"] },
            { "OpenTelemetry", ["Platform.Hosting"] },
            { "prometheus-net", ["Platform.Hosting"] },
            { "MassTransit", ["Platform.Hosting"] },
            { "TorchSharp", ["Platform.Training"] },
            { "libtorch", ["Platform.Training"] },
            { "Microsoft.ML.OnnxRuntime", ["Platform.Inference"] },
            { "Npgsql", ["Platform.Results"] },
            { "Microsoft.EntityFrameworkCore", ["Platform.Results"] },
        };

    [Theory]
    [MemberData(nameof(Owners))]
    public void A_dependency_has_one_owner(string package, string[] owners)
    {
        var wrong = Repository
            .Projects.Where(p => !p.IsTest && !owners.Contains(p.Name))
            .Where(p =>
                p.Packages.Any(name => name.StartsWith(package, StringComparison.OrdinalIgnoreCase))
            )
            .Select(p => p.Name);
        Repository.None(wrong);
    }

    [Fact]
    public void No_source_file_outside_inference_uses_onnx_runtime()
    {
        var wrong = Sources("services/", "shared/")
            .Where(file => !file.StartsWith("shared/Platform.Inference/", StringComparison.Ordinal))
            .Where(file => Mentions(file, "using Microsoft.ML.OnnxRuntime"));
        Repository.None(wrong);
    }

    [Fact]
    public void No_source_file_outside_hosting_wires_azure_or_the_metrics_server()
    {
        var wrong = Sources("services/", "shared/")
            .Where(file => !file.StartsWith("shared/Platform.Hosting/", StringComparison.Ordinal))
            .Where(file =>
                Mentions(file, "using Azure.")
                || Mentions(file, "UseHttpMetrics")
                || Mentions(file, "MapMetrics")
                || Mentions(file, "AddOpenTelemetry")
            );
        Repository.None(wrong);
    }

    [Fact]
    public void Only_training_touches_libtorch() =>
        Repository.None(
            Sources("services/", "shared/")
                .Where(file => !file.StartsWith("services/training/", StringComparison.Ordinal))
                .Where(file => Mentions(file, "using TorchSharp"))
        );

    private static IEnumerable<string> Sources(params string[] folders) =>
        Repository.Files.Where(file =>
            file.EndsWith(".cs", StringComparison.Ordinal)
            && folders.Any(folder => file.StartsWith(folder, StringComparison.Ordinal))
        );

    private static bool Mentions(string file, string text) =>
        File.ReadAllText(Repository.Full(file)).Contains(text, StringComparison.Ordinal);
}
