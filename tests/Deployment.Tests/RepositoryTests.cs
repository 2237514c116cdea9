namespace Deployment.Tests;

/// <summary>What the checkout must look like, so that it can be walked in the order a study flows.</summary>
public class RepositoryTests
{
    private const int MaxLines = 400;
    private const long MaxBytes = 8 << 20;

    [Fact]
    public void The_top_level_is_services_shared_tests_charts_k8s_docker_and_what_tools_need()
    {
        string[] folders =
        [
            "services",
            "shared",
            "tests",
            "charts",
            "k8s",
            "docker",
            ".ci",
            ".config",
        ];
        var found = Repository
            .Files.Where(file => file.Contains('/'))
            .Select(file => file.Split('/')[0])
            .Distinct();
        Repository.None(found.Except(folders));
    }

    [Fact]
    public void The_files_at_the_top_are_the_ones_tools_and_readers_look_for_there()
    {
        string[] files =
        [
            "Platform.sln",
            "README.md",
            "LICENSE",
            "platform",
            "global.json",
            "Directory.Build.props",
            "Directory.Build.targets",
            "Directory.Packages.props",
            ".editorconfig",
            ".gitignore",
            ".gitattributes",
            ".dockerignore",
            ".csharpierignore",
        ];
        Repository.None(Repository.Files.Where(file => !file.Contains('/')).Except(files));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Repository.Full("Platform.sln")).Replace('\\', '/');
        Repository.None(
            Repository.Projects.Where(p =>
                !solution.Contains($"{p.Folder}/{p.Name}.csproj", StringComparison.Ordinal)
            )
        );
    }

    [Fact]
    public void Every_decision_is_a_numbered_page_of_its_own()
    {
        const string folder = "shared/decisions/";
        var pages = Repository
            .Files.Where(f =>
                f.StartsWith(folder, StringComparison.Ordinal)
                && f.EndsWith(".md", StringComparison.Ordinal)
            )
            .Select(f => f[folder.Length..])
            .Where(f => f != "README.md")
            .ToList();
        Assert.NotEmpty(pages);
        Assert.All(pages, page => Assert.Matches(@"^\d{4}-[a-z0-9-]+\.md$", page));
        Assert.Equal(pages.Count, pages.Select(page => page[..4]).Distinct().Count());
    }

    [Fact]
    public void Every_service_says_in_a_readme_what_it_takes_and_what_it_gives() =>
        Repository.None(
            Repository
                .Projects.Where(p => p.IsService)
                .Select(p => $"{p.Folder}/README.md")
                .Where(readme => !Repository.Files.Contains(readme))
        );

    [Fact]
    public void Every_committed_model_but_regressors_which_qc_runs_has_its_entry_in_the_charts_values()
    {
        var values = File.ReadAllText(Repository.Full("charts/platform/values.yaml"));
        Repository.None(
            Repository
                .Files.Where(f =>
                    f.StartsWith("shared/models/", StringComparison.Ordinal)
                    && f.EndsWith("/model.json", StringComparison.Ordinal)
                    && !File.ReadAllText(Repository.Full(f))
                        .Contains("QualityRegression", StringComparison.Ordinal)
                )
                .Select(f => f.Split('/'))
                .Select(f => $"  - name: {f[2]}\n    version: {f[3]}\n")
                .Where(entry => !values.Contains(entry, StringComparison.Ordinal))
        );
    }

    [Fact]
    public void No_file_is_larger_than_8_MiB() =>
        Repository.None(
            Repository.Files.Where(file => new FileInfo(Repository.Full(file)).Length > MaxBytes)
        );

    /// <summary>Files that are longer for a reason: the reason is the value.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    [Fact]
    public void No_source_file_is_longer_than_400_lines_without_a_reason()
    {
        var tooLong = Repository
            .Files.Where(f =>
                f.EndsWith(".cs", StringComparison.Ordinal) && !LongFiles.ContainsKey(f)
            )
            .Select(f => (File: f, Lines: File.ReadLines(Repository.Full(f)).Count()))
            .Where(f => f.Lines > MaxLines)
            .Select(f => $"{f.File}: {f.Lines} lines");
        Repository.None(tooLong);
        Repository.None(LongFiles.Keys.Except(Repository.Files));
    }
}
