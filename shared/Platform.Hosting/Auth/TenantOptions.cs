using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

namespace Platform.Hosting;

/// <summary>One hospital, in the list of section "Tenants".</summary>
public sealed class TenantOptions
{
    /// <summary>Blob container and queue permission set: 3 to 40 lower-case letters, digits and single hyphens.</summary>
    public string Name { get; init; } = "";

    /// <summary>The scanner sites it may name; "default" where none is listed.</summary>
    public List<string> Sites { get; init; } = [];

    /// <summary>SHA-256 of each key it may send, in hexadecimal. Several, so that a key can be changed without a gap.</summary>
    public List<string> KeyHashes { get; init; } = [];

    /// <summary>Likewise the keys of the hospital's own gateway: what it retrieves by DICOMweb names the patients again.</summary>
    public List<string> GatewayKeyHashes { get; init; } = [];

    /// <summary>Key of the hash that makes study ids: at least 16 random bytes in base64. Changing it makes every study a new one.</summary>
    public string StudySecret { get; init; } = "";
}

/// <summary>Section "Tenants": a list, so a key is "Tenants:0:Name".</summary>
public sealed partial class TenantsOptions : List<TenantOptions>, IValidatableObject
{
    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        var names = new HashSet<string>();
        foreach (var (n, tenant) in this.Index())
        {
            if (!NamePattern().IsMatch(tenant.Name) || tenant.Name is "models" or "references")
            {
                yield return Refuse(
                    n,
                    "Name",
                    $"'{tenant.Name}' is not 3 to 40 lower-case letters, digits and single hyphens, or is reserved"
                );
            }
            if (!names.Add(tenant.Name))
            {
                yield return Refuse(n, "Name", $"'{tenant.Name}' is there twice");
            }
            foreach (var (m, site) in tenant.Sites.Index())
            {
                if (!SitePattern().IsMatch(site))
                {
                    yield return Refuse(
                        n,
                        $"Sites:{m}",
                        "a site is 1 to 40 lower-case letters, digits and hyphens"
                    );
                }
            }
            var hashes = tenant
                .KeyHashes.Select((hash, m) => (Key: $"KeyHashes:{m}", Hash: hash))
                .Concat(
                    tenant.GatewayKeyHashes.Select(
                        (hash, m) => (Key: $"GatewayKeyHashes:{m}", Hash: hash)
                    )
                );
            foreach (var one in hashes.Where(one => !HashPattern().IsMatch(one.Hash)))
            {
                yield return Refuse(n, one.Key, "not a SHA-256 in hexadecimal (64 digits)");
            }
            var secret = new byte[tenant.StudySecret.Length];
            if (
                !Convert.TryFromBase64String(tenant.StudySecret, secret, out var length)
                || length < 16
            )
            {
                yield return Refuse(n, "StudySecret", "at least 16 random bytes in base64");
            }
        }
    }

    private static ValidationResult Refuse(int n, string key, string why) =>
        new(why, [$"{n}:{key}"]);

    [GeneratedRegex("^(?=.{3,40}$)[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,39}$")]
    private static partial Regex SitePattern();

    [GeneratedRegex("^[0-9a-fA-F]{64}$")]
    private static partial Regex HashPattern();
}
