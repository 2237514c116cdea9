using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Platform.Hosting;

/// <summary>
/// Blobs in an Azure storage account (or Azurite), a container a tenant. A blob is uploaded in blocks under names of this
/// writer's own and committed with <c>If-None-Match: *</c>: of several writers one wins whole, and blocks of a writer that
/// died are never seen. At most <see cref="Parallel"/> blocks of <see cref="BlockBytes"/> are in memory.
/// </summary>
public sealed class AzureBlobStore : IBlobStore
{
    private const int BlockBytes = 8 << 20;
    private const int Parallel = 4;

    private readonly BlobServiceClient _service;
    private readonly ConcurrentDictionary<string, bool> _containers = new();

    /// <summary>Opens an account; nothing is sent yet.</summary>
    /// <param name="connectionString">As the Azure portal gives it.</param>
    /// <exception cref="FormatException">Not a connection string.</exception>
    public AzureBlobStore(string connectionString)
    {
        // The newest version of the protocol that Azurite 3.37 speaks as well.
        var options = new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06)
        {
            Retry =
            {
                Mode = RetryMode.Exponential,
                MaxRetries = 5,
                Delay = TimeSpan.FromMilliseconds(400),
                MaxDelay = TimeSpan.FromSeconds(20),
                NetworkTimeout = TimeSpan.FromSeconds(100),
            },
        };
        _service = new(connectionString, options);
    }

    /// <inheritdoc/>
    public async Task<bool> TryCreateAsync(
        string name,
        Func<Stream, CancellationToken, Task> write,
        CancellationToken cancellationToken
    )
    {
        var blob = await CreatableAsync(name, cancellationToken);
        if (await blob.ExistsAsync(cancellationToken))
        {
            return false;
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pipe = new Pipe(
            new PipeOptions(
                pauseWriterThreshold: BlockBytes,
                resumeWriterThreshold: BlockBytes / 2,
                minimumSegmentSize: 1 << 17,
                useSynchronizationContext: false
            )
        );
        var upload = UploadAsync(blob, pipe.Reader, stop.Token);
        try
        {
            await using (var stream = pipe.Writer.AsStream(leaveOpen: true))
            {
                await write(stream, stop.Token);
            }
            cancellationToken.ThrowIfCancellationRequested();
            await pipe.Writer.CompleteAsync();
        }
        catch (Exception e)
        {
            // The upload sees the failure as its reader's, so that nothing is committed.
            await pipe.Writer.CompleteAsync(e);
            await stop.CancelAsync();
            await ((Task)upload).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        return await upload;
    }

    /// <inheritdoc/>
    public async Task<Stream> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        var blob = Blob(name);
        try
        {
            return await blob.OpenReadAsync(
                new BlobOpenReadOptions(allowModifications: false) { BufferSize = 4 << 20 },
                cancellationToken
            );
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            throw new BlobNotFoundException(name);
        }
    }

    /// <inheritdoc/>
    public async Task<bool> ExistsAsync(string name, CancellationToken cancellationToken) =>
        await Blob(name).ExistsAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<BlobEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var (container, path) = BlobName.SplitPrefix(prefix);
        var listing = _service
            .GetBlobContainerClient(container)
            .GetBlobsAsync(BlobTraits.None, BlobStates.None, path, cancellationToken);
        await using var blobs = listing.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await blobs.MoveNextAsync())
                {
                    yield break;
                }
            }
            catch (RequestFailedException e) when (e.Status == 404)
            {
                // No container: nothing was ever written for the tenant.
                yield break;
            }
            var properties = blobs.Current.Properties;
            yield return new(
                $"{container}/{blobs.Current.Name}",
                properties.ContentLength ?? 0,
                properties.LastModified ?? default
            );
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string name, CancellationToken cancellationToken) =>
        Blob(name).DeleteIfExistsAsync(cancellationToken: cancellationToken);

    private BlockBlobClient Blob(string name)
    {
        var (container, path) = BlobName.Split(name);
        return _service.GetBlobContainerClient(container).GetBlockBlobClient(path);
    }

    private async Task<BlockBlobClient> CreatableAsync(
        string name,
        CancellationToken cancellationToken
    )
    {
        var (container, path) = BlobName.Split(name);
        var client = _service.GetBlobContainerClient(container);
        if (!_containers.ContainsKey(container))
        {
            await client.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            _containers[container] = true;
        }
        return client.GetBlockBlobClient(path);
    }

    /// <summary>Uploads what the pipe gives: in one request where it fits in a block, else in parallel blocks.</summary>
    private static async Task<bool> UploadAsync(
        BlockBlobClient blob,
        PipeReader source,
        CancellationToken cancellationToken
    )
    {
        var blocks = new List<string>();
        var sending = new Queue<Task>();
        var writer = Guid.NewGuid().ToString("n");
        try
        {
            while (true)
            {
                var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
                var length = await FillAsync(
                    source,
                    buffer.AsMemory(0, BlockBytes),
                    cancellationToken
                );
                if (
                    length < BlockBytes
                    && blocks.Count == 0
                    && await TryPutAsync(blob, buffer, length, cancellationToken) is { } created
                )
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    return created;
                }
                if (length > 0 || blocks.Count == 0)
                {
                    var id = $"{writer}{blocks.Count:d8}";
                    blocks.Add(Convert.ToBase64String(Encoding.ASCII.GetBytes(id)));
                    sending.Enqueue(
                        StageAsync(blob, blocks[^1], buffer, length, cancellationToken)
                    );
                }
                else
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
                if (length < BlockBytes)
                {
                    await Task.WhenAll(sending);
                    return await CommitAsync(blob, blocks, cancellationToken);
                }
                if (sending.Count == Parallel)
                {
                    await sending.Dequeue();
                }
            }
        }
        finally
        {
            await source.CompleteAsync();
            await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<int> FillAsync(
        PipeReader source,
        Memory<byte> buffer,
        CancellationToken cancellationToken
    )
    {
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await source.ReadAsync(cancellationToken);
            var part = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length - length));
            part.CopyTo(buffer.Span[length..]);
            length += (int)part.Length;
            var last = read.IsCompleted && part.Length == read.Buffer.Length;
            source.AdvanceTo(part.End);
            if (last)
            {
                break;
            }
        }
        return length;
    }

    private static async Task StageAsync(
        BlockBlobClient blob,
        string id,
        byte[] buffer,
        int length,
        CancellationToken cancellationToken
    )
    {
        using var content = new MemoryStream(buffer, 0, length, writable: false);
        await blob.StageBlockAsync(
            id,
            content,
            new BlockBlobStageBlockOptions { TransferValidation = Md5() },
            cancellationToken
        );
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>One request. Null where the name is free and still refused: blocks of a writer that died lie there, and only a commit clears them.</summary>
    private static async Task<bool?> TryPutAsync(
        BlockBlobClient blob,
        byte[] buffer,
        int length,
        CancellationToken cancellationToken
    )
    {
        using var content = new MemoryStream(buffer, 0, length, writable: false);
        try
        {
            await blob.UploadAsync(
                content,
                new BlobUploadOptions
                {
                    Conditions = new() { IfNoneMatch = ETag.All },
                    TransferValidation = Md5(),
                },
                cancellationToken
            );
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 409 or 412)
        {
            return await blob.ExistsAsync(cancellationToken) ? false : null;
        }
    }

    private static async Task<bool> CommitAsync(
        BlockBlobClient blob,
        List<string> blocks,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await blob.CommitBlockListAsync(
                blocks,
                new CommitBlockListOptions { Conditions = new() { IfNoneMatch = ETag.All } },
                cancellationToken
            );
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 409 or 412)
        {
            return false;
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.InvalidBlockList)
        {
            // A commit drops the blocks of every other writer, so one that comes second may find its own gone.
            if (await blob.ExistsAsync(cancellationToken))
            {
                return false;
            }
            throw;
        }
    }

    /// <summary>The service checks every block on arrival. Azurite does not know the newer CRC-64.</summary>
    private static UploadTransferValidationOptions Md5() =>
        new() { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 };
}
