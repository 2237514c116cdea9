using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Hosting;

/// <summary>Keys that hospitals send in the <c>x-api-key</c> header. Only their hashes are configured.</summary>
public static class ApiKeys
{
    /// <summary>The header.</summary>
    public const string Header = "x-api-key";

    /// <summary>Mints a key of 256 random bits and the hash to put under "Tenants:{n}:KeyHashes".</summary>
    public static (string Key, string Hash) New()
    {
        var key = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        return (key, HashOf(key));
    }

    /// <summary>SHA-256 of a key in lower-case hexadecimal. A fast hash suffices: keys are random, not chosen by people.</summary>
    public static string HashOf(string key) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
