using System.Security.Cryptography;
using Platform.Imaging;

namespace Platform.Hosting;

/// <summary>A volume in the store.</summary>
/// <param name="Created">False where the blob was there already.</param>
/// <param name="Sha256">SHA-256 of the stored bytes, lower-case hexadecimal: of the blob that is there, whoever wrote it.</param>
public readonly record struct StoredVolume(bool Created, string Sha256);

/// <summary>Volumes as .nii.zst blobs. The file is never held in memory beside the volume.</summary>
public sealed class VolumeStore(IBlobStore blobs)
{
    /// <summary>Reads an image.</summary>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="VolumeException">The blob is not an image.</exception>
    public Task<Volume<float>> ReadImageAsync(string name, CancellationToken cancellationToken) =>
        ReadAsync<float>(name, cancellationToken);

    /// <summary>Reads where a volume's voxels lie, and none of them.</summary>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="VolumeException">The blob is not a volume.</exception>
    public async Task<VolumeGeometry> ReadGeometryAsync(
        string name,
        CancellationToken cancellationToken
    )
    {
        await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
        return await Task.Run(() => NiftiReader.ReadHeader(stream).Geometry, cancellationToken);
    }

    /// <summary>Reads a label map.</summary>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="VolumeException">The blob is not a label map of values 0–255.</exception>
    public Task<Volume<byte>> ReadLabelsAsync(string name, CancellationToken cancellationToken) =>
        ReadAsync<byte>(name, cancellationToken);

    /// <summary>Writes a volume once.</summary>
    /// <returns>The digest of the stored bytes, and whether this call wrote them.</returns>
    public async Task<StoredVolume> TryCreateAsync<T>(
        string name,
        Volume<T> volume,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        string digest = "";
        var created = await blobs.TryCreateAsync(
            name,
            (stream, token) =>
                Task.Run(
                    () =>
                    {
                        using var sha = SHA256.Create();
                        using (
                            var hashed = new CryptoStream(
                                stream,
                                sha,
                                CryptoStreamMode.Write,
                                leaveOpen: true
                            )
                        )
                        {
                            NiftiWriter.Write(hashed, volume, NiftiCompression.Zstd);
                        }
                        digest = Convert.ToHexStringLower(sha.Hash!);
                    },
                    token
                ),
            cancellationToken
        );
        if (!created)
        {
            await using var stored = await blobs.OpenReadAsync(name, cancellationToken);
            digest = Convert.ToHexStringLower(
                await SHA256.HashDataAsync(stored, cancellationToken)
            );
        }
        return new(created, digest);
    }

    private async Task<Volume<T>> ReadAsync<T>(string name, CancellationToken cancellationToken)
        where T : unmanaged
    {
        await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
        return await Task.Run(() => NiftiReader.Read<T>(stream), cancellationToken);
    }
}
