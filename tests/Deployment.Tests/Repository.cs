using System.Diagnostics;
using System.Xml.Linq;

namespace Deployment.Tests;

/// <summary>The checkout these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Paths of every file git tracks or would track, relative to the root, with '/'.</summary>
    public static IReadOnlyList<string> Files { get; } =
        Run(Root, "git", "ls-files", "--cached", "--others", "--exclude-standard")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(file => File.Exists(Full(file)))
            .ToList();

    public static IReadOnlyList<ProjectFile> Projects { get; } =
        Files
            .Where(file => file.EndsWith(".csproj", StringComparison.Ordinal))
            .Select(ProjectFile.Read)
            .ToList();

    public static string Full(string relative) => Path.Combine(Root, relative);

    /// <summary>Runs a program to its end and gives its standard output.</summary>
    /// <exception cref="InvalidOperationException">It ended with an error; the message holds what it printed.</exception>
    public static string Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)}: ended with {process.ExitCode}\n{errors.Result}\n{output}"
            );
    }

    /// <summary>Fails with the list where a rule is broken.</summary>
    public static void None<T>(IEnumerable<T> violations)
    {
        var found = violations.ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Platform.sln")))
        {
            folder =
                Path.GetDirectoryName(folder)
                ?? throw new DirectoryNotFoundException("no Platform.sln above the tests");
        }
        return folder;
    }
}

/// <summary>What a project file refers to.</summary>
/// <param name="Name">The project's name, which is its assembly's too.</param>
/// <param name="Folder">Relative to the root, for example "services/qc".</param>
/// <param name="References">Names of the projects it refers to.</param>
/// <param name="Packages">Names of the packages it refers to.</param>
internal sealed record ProjectFile(
    string Name,
    string Folder,
    IReadOnlyList<string> References,
    IReadOnlyList<string> Packages
)
{
    public bool IsService => Folder.StartsWith("services/", StringComparison.Ordinal);

    public bool IsTest => Folder.StartsWith("tests/", StringComparison.Ordinal);

    public static ProjectFile Read(string file)
    {
        var project = XDocument.Load(Repository.Full(file));
        return new(
            Path.GetFileNameWithoutExtension(file),
            Path.GetDirectoryName(file)!.Replace('\\', '/'),
            project
                .Descendants("ProjectReference")
                .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value))
                .ToList(),
            project
                .Descendants("PackageReference")
                .Select(r => r.Attribute("Include")!.Value)
                .ToList()
        );
    }

    public override string ToString() => Name;
}
