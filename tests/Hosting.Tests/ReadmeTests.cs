using System.Reflection;

namespace Platform.Hosting.Tests;

public sealed class ReadmeTests
{
    [Fact]
    public void The_table_of_keys_is_the_options_classes()
    {
        var documented = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "README.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('`')[1])
            .Where(key => key.Contains(':', StringComparison.Ordinal));
        var actual = new (string Section, Type Options)[]
        {
            ("Http", typeof(HttpOptions)),
            ("Bus", typeof(BusOptions)),
            ("Blobs", typeof(BlobOptions)),
            ("Packages", typeof(PackageOptions)),
            ("Tenants:{n}", typeof(TenantOptions)),
            ("Auth:Jwt", typeof(JwtOptions)),
            ("Otel", typeof(TracingOptions)),
        }.SelectMany(s =>
            s.Options.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Select(p =>
                    p.PropertyType == typeof(List<string>)
                        ? $"{s.Section}:{p.Name}:{{m}}"
                        : $"{s.Section}:{p.Name}"
                )
        );
        Assert.Equal(
            actual.Order(StringComparer.Ordinal),
            documented.Order(StringComparer.Ordinal)
        );
    }
}
