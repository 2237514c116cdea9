using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>The networks in memory, each loaded once and kept: weights are never read a second time.</summary>
public sealed class ModelPool(ModelRepository repository, IOptions<InferenceOptions> options)
    : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task<OnnxModel>>> _models = new();

    /// <summary>A network, loaded and verified by digest at its first use.</summary>
    /// <param name="id">name@version, or a name for its highest version.</param>
    /// <param name="cancellationToken">Gives up waiting; a load under way goes on for others.</param>
    /// <exception cref="ModelPackageException">Not installed, or a package that cannot be used. Tried anew at the next call.</exception>
    public async Task<OnnxModel> GetAsync(string id, CancellationToken cancellationToken)
    {
        var exact = (await repository.GetManifestAsync(id, cancellationToken)).Id;
        var loading = _models.GetOrAdd(exact, key => new(() => LoadAsync(key)));
        try
        {
            return await loading.Value.WaitAsync(cancellationToken);
        }
        catch (ModelPackageException)
        {
            _models.TryRemove(KeyValuePair.Create(exact, loading));
            throw;
        }
    }

    /// <summary>A network that is in memory, or null.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="version">Its version; empty for the highest live one.</param>
    public OnnxModel? Find(string name, string version) =>
        _models
            .Values.Where(m => m.IsValueCreated && m.Value.IsCompletedSuccessfully)
            .Select(m => m.Value.Result)
            .Where(m =>
                m.Manifest.Name == name
                && (
                    version is ""
                        ? !SemanticVersion.IsCandidate(m.Manifest.Version)
                        : m.Manifest.Version == version
                )
            )
            .MaxBy(m => m.Manifest.Version, SemanticVersion.Comparer);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _models.Values)
        {
            if (model.IsValueCreated && model.Value.IsCompletedSuccessfully)
            {
                model.Value.Result.Dispose();
            }
        }
    }

    private async Task<OnnxModel> LoadAsync(string id)
    {
        var package = await repository.LoadAsync(id, CancellationToken.None);
        var settings = new OnnxOptions
        {
            Device = options.Value.Device,
            Threads = options.Value.Threads,
            GpuMemoryBytes = options.Value.GpuMemoryMiB * (1L << 20),
        };
        return await Task.Run(() => new OnnxModel(package, settings));
    }
}
