using System.Reflection;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;

namespace Deployment.Tests;

/// <summary>Every setting the chart passes exists in a service's options: an unknown one would stop the service at its start.</summary>
public partial class SettingsTests
{
    /// <summary>Section → the type it is bound to, as the services register them.</summary>
    private static readonly Dictionary<string, Type> Sections = FindSections();

    [Fact]
    public void Every_setting_of_the_chart_is_an_option_of_a_service()
    {
        var map = Chart.Documents.Single(d => d.Kind == "ConfigMap");
        var keys = KubernetesYaml.Deserialize<V1ConfigMap>(map.Yaml).Data.Keys.ToHashSet();
        foreach (var document in Chart.Documents.Where(d => d.Kind == "Deployment"))
        {
            var deployment = KubernetesYaml.Deserialize<V1Deployment>(document.Yaml);
            keys.UnionWith(
                deployment.Spec.Template.Spec.Containers.SelectMany(c => c.Env).Select(e => e.Name)
            );
        }
        Repository.None(keys.Where(key => !Exists(key)));
    }

    [Theory]
    [InlineData("docker/local/cluster.sh", "Bus__Transport")]
    [InlineData("docker/edge/prepare.sh", "Edge__Secret")]
    [InlineData("docker/edge/README.md", "Edge__Secret")]
    public void Every_setting_of_a_script_or_page_is_an_option_of_a_service(
        string file,
        string among
    )
    {
        var script = File.ReadAllText(Repository.Full(file));
        var keys = SettingPattern()
            .Matches(script)
            .Select(match => match.Value)
            .Distinct()
            .ToList();
        Assert.Contains(among, keys);
        Repository.None(keys.Where(key => !Exists(key)));
    }

    [Theory]
    [InlineData("Bus__Transprot")]
    [InlineData("Buss__Transport")]
    [InlineData("Tenants__0__Nmae")]
    public void A_misspelt_setting_would_be_seen(string key) => Assert.False(Exists(key));

    private static bool Exists(string key)
    {
        var path = key.Split("__");
        for (var length = path.Length - 1; length > 0; length--)
        {
            if (Sections.TryGetValue(string.Join(':', path[..length]), out var type))
            {
                return Exists(type, path.AsSpan(length));
            }
        }
        return false;
    }

    private static bool Exists(Type type, ReadOnlySpan<string> path)
    {
        if (path.Length == 0)
        {
            return true;
        }
        if (int.TryParse(path[0], out _))
        {
            var element = type.GetInterfaces()
                .Append(type)
                .FirstOrDefault(i =>
                    i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEnumerable<>)
                );
            return element is not null && Exists(element.GetGenericArguments()[0], path[1..]);
        }
        return type.GetProperty(path[0]) is { } property
            && Exists(property.PropertyType, path[1..]);
    }

    private static Dictionary<string, Type> FindSections()
    {
        var types = Directory
            .EnumerateFiles(AppContext.BaseDirectory, "Platform.*.dll")
            .SelectMany(file => Assembly.LoadFrom(file).GetTypes())
            .ToLookup(type => type.Name);
        return Repository
            .Files.Where(f =>
                f.EndsWith(".cs", StringComparison.Ordinal)
                && !f.StartsWith("tests/", StringComparison.Ordinal)
                // Its assembly would bring libtorch here; neither chart nor script sets its own section.
                && !f.StartsWith("services/training/", StringComparison.Ordinal)
            )
            .SelectMany(f => RegistrationPattern().Matches(File.ReadAllText(Repository.Full(f))))
            .DistinctBy(match => match.Groups["section"].Value)
            .ToDictionary(
                match => match.Groups["section"].Value,
                match => types[match.Groups["type"].Value].First()
            );
    }

    [GeneratedRegex(
        """(AddValidatedOptions|ReadValidated)<(?<type>\w+)>\(\s*"(?<section>[\w:]+)"\s*\)"""
    )]
    private static partial Regex RegistrationPattern();

    [GeneratedRegex("[A-Z][A-Za-z]+__[A-Za-z0-9_]+")]
    private static partial Regex SettingPattern();
}
