using System.Runtime.CompilerServices;
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
        ReadAsync<float>(name, null, cancellationToken);

    /// <summary>Reads a volume; of a time series its first frame.</summary>
    /// <typeparam name="T">float for images, byte for label maps.</typeparam>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="VolumeException">The blob is not a volume of such values.</exception>
    public Task<Volume<T>> ReadFirstAsync<T>(string name, CancellationToken cancellationToken)
        where T : unmanaged => ReadAsync<T>(name, new() { Frame = 0 }, cancellationToken);

    /// <summary>Reads the frames of a time series one after another; a volume is a series of one.</summary>
    /// <typeparam name="T">float for images, byte for label maps.</typeparam>
    /// <exception cref="BlobNotFoundException">No blob of that name.</exception>
    /// <exception cref="VolumeException">The blob is not a volume of such values.</exception>
    public async IAsyncEnumerable<Volume<T>> ReadFramesAsync<T>(
        string name,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
        using var reader = await Task.Run(() => new NiftiFrameReader<T>(stream), cancellationToken);
        while (await Task.Run(reader.Read, cancellationToken) is { } frame)
        {
            yield return frame;
        }
    }

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
        ReadAsync<byte>(name, null, cancellationToken);

    /// <summary>Writes a volume once.</summary>
    /// <returns>The digest of the stored bytes, and whether this call wrote them.</returns>
    public Task<StoredVolume> TryCreateAsync<T>(
        string name,
        Volume<T> volume,
        CancellationToken cancellationToken
    )
        where T : unmanaged =>
        TryCreateAsync(name, 1, null, new[] { volume }.ToAsyncEnumerable(), cancellationToken);

    /// <summary>Writes a time series once, frame by frame; one frame makes a volume. Where the blob is there already, no frame may be asked for.</summary>
    /// <param name="name">Of the blob.</param>
    /// <param name="count">How many frames there will be.</param>
    /// <param name="intervalMs">From one to the next; null where that is not known.</param>
    /// <param name="frames">The frames. What they throw is thrown, and no blob is there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The digest of the stored bytes, and whether this call wrote them.</returns>
    public async Task<StoredVolume> TryCreateAsync<T>(
        string name,
        int count,
        double? intervalMs,
        IAsyncEnumerable<Volume<T>> frames,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        string digest = "";
        var created = await blobs.TryCreateAsync(
            name,
            (stream, token) =>
                Task.Run(
                    async () =>
                    {
                        using var sha = SHA256.Create();
                        await using (
                            var hashed = new CryptoStream(
                                stream,
                                sha,
                                CryptoStreamMode.Write,
                                leaveOpen: true
                            )
                        )
                        {
                            using var writer = new NiftiFrameWriter<T>(
                                hashed,
                                count,
                                intervalMs,
                                NiftiCompression.Zstd
                            );
                            await foreach (var frame in frames.WithCancellation(token))
                            {
                                writer.Write(frame);
                            }
                            writer.Complete();
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

    private async Task<Volume<T>> ReadAsync<T>(
        string name,
        NiftiReadOptions? options,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
        return await Task.Run(() => NiftiReader.Read<T>(stream, options), cancellationToken);
    }
}
