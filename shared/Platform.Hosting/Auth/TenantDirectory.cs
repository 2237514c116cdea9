using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Platform.Hosting;

/// <summary>The hospitals this deployment serves: their names, sites, keys and study secrets.</summary>
public sealed class TenantDirectory
{
    private readonly Dictionary<string, TenantOptions> _tenants;
    private readonly (byte[] Hash, Caller Caller)[] _keys;

    /// <summary>Reads section "Tenants".</summary>
    public TenantDirectory(IOptions<TenantsOptions> options)
    {
        _tenants = options.Value.ToDictionary(t => t.Name);
        _keys =
        [
            .. from tenant in options.Value
            from key in tenant
                .KeyHashes.Select(hash => (hash, false))
                .Concat(tenant.GatewayKeyHashes.Select(hash => (hash, true)))
            select (Convert.FromHexString(key.hash), new Caller(tenant.Name, key.Item2)),
        ];
    }

    /// <summary>Names of the tenants, in ordinal order.</summary>
    public IReadOnlyList<string> Names => [.. _tenants.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Whether there is such a tenant.</summary>
    public bool Contains(string tenant) => _tenants.ContainsKey(tenant);

    /// <summary>Whether the tenant may name this site; where it lists none, only "default".</summary>
    public bool HasSite(string tenant, string site) =>
        Sites(tenant).Contains(site, StringComparer.Ordinal);

    /// <summary>The tenant's sites; ["default"] where it lists none.</summary>
    /// <exception cref="KeyNotFoundException">No such tenant.</exception>
    public IReadOnlyList<string> Sites(string tenant) =>
        _tenants[tenant].Sites is { Count: > 0 } sites ? sites : ["default"];

    /// <summary>
    /// What stands for an identity (a StudyInstanceUID, the sender's reference, a content digest: then it is the study id; a series UID): the first 16 bytes of
    /// HMAC-SHA-256 under the tenant's secret, as 32 lower-case hexadecimal digits. The identity cannot be found from it without the secret.
    /// </summary>
    /// <exception cref="KeyNotFoundException">No such tenant.</exception>
    public string PseudonymOf(string tenant, string identity)
    {
        var secret = Convert.FromBase64String(_tenants[tenant].StudySecret);
        var hash = HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{tenant}\n{identity}"));
        return Convert.ToHexStringLower(hash.AsSpan(0, 16));
    }

    /// <summary>What to take the pseudonym of for a DICOM UID: the study's is the study id.</summary>
    public static string IdentityOfUid(string uid) => $"dicom:{uid}";

    /// <summary>The key (32 bytes) of the tenant's <see cref="IdentityVault"/>, derived from its secret (HKDF, RFC 5869).</summary>
    /// <exception cref="KeyNotFoundException">No such tenant.</exception>
    internal byte[] VaultKey(string tenant) =>
        HKDF.DeriveKey(
            HashAlgorithmName.SHA256,
            Convert.FromBase64String(_tenants[tenant].StudySecret),
            32,
            info: Encoding.UTF8.GetBytes($"{tenant}\nvault")
        );

    /// <summary>Whose key this is, or null. Every key is compared, in fixed time.</summary>
    internal Caller? CallerOf(string key)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        Caller? found = null;
        foreach (var (known, caller) in _keys)
        {
            if (CryptographicOperations.FixedTimeEquals(hash, known))
            {
                found = caller;
            }
        }
        return found;
    }

    /// <summary>Whose a key is.</summary>
    /// <param name="Tenant">The hospital.</param>
    /// <param name="IsGateway">Whether it is the key of the hospital's own gateway.</param>
    internal sealed record Caller(string Tenant, bool IsGateway);
}
