using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>
/// Who the pseudonyms of a study stand for: kept for the tenant alone, encrypted under its own key, and opened only for what is sent back to it.
/// A study has as many parts as it had senders; together they name all of it.
/// </summary>
public sealed class IdentityVault(IBlobStore blobs, TenantDirectory tenants)
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    /// <summary>Keeps what a sender's instances said. The same again writes nothing.</summary>
    public async Task KeepAsync(
        string tenant,
        string study,
        Crosswalk crosswalk,
        CancellationToken cancellationToken
    )
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(crosswalk, PlatformJson.Options);
        var part = tenants.PseudonymOf(
            tenant,
            $"vault:{Convert.ToHexStringLower(SHA256.HashData(plain))}"
        );
        await blobs.TryCreateAsync(
            BlobNames.Identity(tenant, study, part),
            async (stream, token) => await stream.WriteAsync(Encrypt(tenant, study, plain), token),
            cancellationToken
        );
    }

    /// <summary>What is known of a study, or null where nothing is.</summary>
    /// <exception cref="CryptographicException">The vault was written under another secret, or altered.</exception>
    public async Task<Crosswalk?> FindAsync(
        string tenant,
        string study,
        CancellationToken cancellationToken
    )
    {
        Crosswalk? crosswalk = null;
        var prefix = BlobNames.IdentityPrefix(tenant, study);
        await foreach (var blob in blobs.ListAsync(prefix, cancellationToken))
        {
            using var sealedPart = new MemoryStream();
            await using (var stream = await blobs.OpenReadAsync(blob.Name, cancellationToken))
            {
                await stream.CopyToAsync(sealedPart, cancellationToken);
            }
            var plain = Decrypt(tenant, study, sealedPart.ToArray());
            var part = JsonSerializer.Deserialize<Crosswalk>(plain, PlatformJson.Options)!;
            crosswalk ??= new Crosswalk();
            crosswalk.Add(part);
        }
        return crosswalk;
    }

    private byte[] Encrypt(string tenant, string study, byte[] plain)
    {
        var result = new byte[NonceBytes + TagBytes + plain.Length];
        var nonce = result.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(tenants.VaultKey(tenant), TagBytes);
        cipher.Encrypt(
            nonce,
            plain,
            result.AsSpan(NonceBytes + TagBytes),
            result.AsSpan(NonceBytes, TagBytes),
            Place(tenant, study)
        );
        return result;
    }

    private byte[] Decrypt(string tenant, string study, ReadOnlySpan<byte> part)
    {
        if (part.Length < NonceBytes + TagBytes)
        {
            throw new CryptographicException("a part of the vault is truncated");
        }
        var plain = new byte[part.Length - NonceBytes - TagBytes];
        using var cipher = new AesGcm(tenants.VaultKey(tenant), TagBytes);
        cipher.Decrypt(
            part[..NonceBytes],
            part[(NonceBytes + TagBytes)..],
            part.Slice(NonceBytes, TagBytes),
            plain,
            Place(tenant, study)
        );
        return plain;
    }

    /// <summary>Authenticated with the part, so that it cannot be put in another study's place.</summary>
    private static byte[] Place(string tenant, string study) =>
        Encoding.UTF8.GetBytes($"{tenant}/{study}");
}

/// <summary>What the instances of a study said of the patient and of themselves, before it was taken out of them.</summary>
public sealed record Crosswalk
{
    /// <summary>Values by attribute, as eight hexadecimal digits: "00100020" is PatientID.</summary>
    public SortedDictionary<string, string> Attributes { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Received UIDs by the UID that stands for them.</summary>
    public SortedDictionary<string, string> Uids { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Adds what another part says; of an attribute that both state, the first is kept.</summary>
    public void Add(Crosswalk part)
    {
        foreach (var (tag, value) in part.Attributes)
        {
            Attributes.TryAdd(tag, value);
        }
        foreach (var (uid, received) in part.Uids)
        {
            Uids.TryAdd(uid, received);
        }
    }
}
