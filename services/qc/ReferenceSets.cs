using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>A loaded reference set and its classifiers.</summary>
/// <param name="Set">The set.</param>
/// <param name="Classifiers">By name: one of each that serves every segmentation. A constrained CNN serves one: <see cref="FittedNetworks"/>.</param>
public sealed record LoadedReferences(
    ReferenceSet Set,
    IReadOnlyDictionary<string, IReverseClassifier> Classifiers
);

/// <summary>The reference sets of this process, each read from the blob store once and kept.</summary>
public sealed class ReferenceSets(IBlobStore blobs, IOptions<QcOptions> options) : IDisposable
{
    private readonly ConcurrentDictionary<string, LoadedReferences> _loaded = new();
    private readonly SemaphoreSlim _loading = new(1);

    /// <summary>A set, or null where it is not installed (asked again the next time).</summary>
    /// <param name="id">name@version.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="InvalidDataException">The set is damaged.</exception>
    public async Task<LoadedReferences?> FindAsync(string id, CancellationToken cancellationToken)
    {
        if (_loaded.TryGetValue(id, out var known))
        {
            return known;
        }
        // One at a time: two consumers would otherwise prepare the same set twice.
        await _loading.WaitAsync(cancellationToken);
        try
        {
            return _loaded.TryGetValue(id, out known)
                ? known
                : await LoadAsync(id, cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _loading.Dispose();

    private async Task<LoadedReferences?> LoadAsync(string id, CancellationToken cancellationToken)
    {
        if (id.Split('@') is not [var name, var version])
        {
            throw new InvalidDataException($"'{id}' is not name@version of a reference set");
        }
        if (
            !await blobs.ExistsAsync(
                BlobNames.Reference(name, version, "set.json"),
                cancellationToken
            )
        )
        {
            return null;
        }
        var set = await Task.Run(
            () =>
                ReferenceSet.LoadAsync(
                    async (file, token) =>
                    {
                        var blob = BlobNames.Reference(name, version, file);
                        return await blobs.ExistsAsync(blob, token)
                            ? await blobs.OpenReadAsync(blob, token)
                            : null;
                    },
                    cancellationToken
                ),
            cancellationToken
        );
        var parallelism =
            options.Value.Parallelism > 0 ? options.Value.Parallelism : Environment.ProcessorCount;
        return _loaded[id] = new(
            set,
            ReverseClassifiers
                .All.Where(classifier => classifier != ReverseClassifiers.ConstrainedCnn)
                .ToDictionary(
                    classifier => classifier,
                    classifier => IReverseClassifier.Create(classifier, set, parallelism)
                )
        );
    }
}
