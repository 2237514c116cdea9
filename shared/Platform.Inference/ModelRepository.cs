using System.Collections.Concurrent;

namespace Platform.Inference;

/// <summary>
/// The installed model packages, at <c>models/{name}/{version}/{model.json,model.onnx,card.md}</c> of whatever store the host has:
/// <code>new ModelRepository((prefix, ct) => blobs.ListAsync(prefix, ct).Select(b => b.Name), blobs.OpenReadAsync)</code>
/// A candidate (version …-candidate) is never live: it is not listed, and found by its full name alone.
/// A package never changes once installed, so manifests are kept; new packages are seen without a restart.
/// </summary>
/// <param name="list">Names that start with a prefix.</param>
/// <param name="open">Opens one name for reading.</param>
public sealed class ModelRepository(
    Func<string, CancellationToken, IAsyncEnumerable<string>> list,
    Func<string, CancellationToken, Task<Stream>> open
)
{
    private const string Root = "models/";
    private readonly ConcurrentDictionary<string, ModelManifest> _manifests = new();

    /// <summary>A repository in a folder of files.</summary>
    /// <param name="path">The folder that holds <c>models/</c>.</param>
    public static ModelRepository InFolder(string path) =>
        new(
            (prefix, _) => ListFolder(path, prefix).ToAsyncEnumerable(),
            (name, _) => Task.FromResult<Stream>(File.OpenRead(Path.Combine(path, name)))
        );

    /// <summary>Every live model's manifest, by name, then version: candidates are left out.</summary>
    /// <exception cref="ModelPackageException">A manifest is invalid; the message names its folder.</exception>
    public async Task<IReadOnlyList<ModelManifest>> ListAsync(CancellationToken cancellationToken)
    {
        var manifests = new List<ModelManifest>();
        foreach (var id in (await InstalledAsync(cancellationToken)).Where(IsLive))
        {
            manifests.Add(await ReadManifestAsync(id, cancellationToken));
        }
        return manifests;
    }

    /// <summary>One manifest.</summary>
    /// <param name="id">name@version, or a name for its highest live version.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="ModelPackageException">Not installed (the message lists what is), or an invalid manifest.</exception>
    public async Task<ModelManifest> GetManifestAsync(
        string id,
        CancellationToken cancellationToken
    ) =>
        _manifests.TryGetValue(id, out var known)
            ? known
            : await ReadManifestAsync(await ResolveAsync(id, cancellationToken), cancellationToken);

    /// <summary>One package, its network verified by digest.</summary>
    /// <param name="id">name@version, or a name for its highest live version.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="ModelPackageException">Not installed, an invalid manifest or a digest mismatch.</exception>
    public async Task<ModelPackage> LoadAsync(string id, CancellationToken cancellationToken)
    {
        var folder = Folder(await ResolveAsync(id, cancellationToken));
        var modelJson = await ReadAsync($"{folder}/model.json", cancellationToken);
        var onnx = await ReadAsync($"{folder}/model.onnx", cancellationToken);
        return ModelPackage.Load(modelJson, onnx);
    }

    private async Task<string> ResolveAsync(string id, CancellationToken cancellationToken)
    {
        var installed = await InstalledAsync(cancellationToken);
        return installed.LastOrDefault(i => i == id || i.Split('@')[0] == id && IsLive(i))
            ?? throw new ModelPackageException(
                ModelPackageFault.UnknownModel,
                $"model '{id}' is not installed; installed: {(installed.Count == 0 ? "none" : string.Join(", ", installed))}"
            );
    }

    private async Task<List<string>> InstalledAsync(CancellationToken cancellationToken)
    {
        var found = new List<(string Name, string Version)>();
        await foreach (var path in list(Root, cancellationToken))
        {
            if (path.Split('/') is ["models", var name, var version, "model.json"])
            {
                found.Add((name, version));
            }
        }
        return
        [
            .. found
                .OrderBy(m => m.Name, StringComparer.Ordinal)
                .ThenBy(m => m.Version, SemanticVersion.Comparer)
                .Select(m => $"{m.Name}@{m.Version}"),
        ];
    }

    private async Task<ModelManifest> ReadManifestAsync(
        string id,
        CancellationToken cancellationToken
    )
    {
        if (_manifests.TryGetValue(id, out var known))
        {
            return known;
        }
        var folder = Folder(id);
        ModelManifest manifest;
        try
        {
            manifest = ManifestReader.Read(
                await ReadAsync($"{folder}/model.json", cancellationToken)
            );
        }
        catch (ModelPackageException e)
        {
            throw new ModelPackageException(e.Fault, $"{folder}: {e.Message}", e);
        }
        return manifest.Id == id
            ? _manifests.GetOrAdd(id, manifest)
            : throw new ModelPackageException(
                ModelPackageFault.InvalidManifest,
                $"{folder}: model.json is of {manifest.Id}"
            );
    }

    private async Task<byte[]> ReadAsync(string name, CancellationToken cancellationToken)
    {
        await using var stream = await open(name, cancellationToken);
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, cancellationToken);
        return bytes.ToArray();
    }

    private static bool IsLive(string id) => !SemanticVersion.IsCandidate(id);

    private static string Folder(string id) => Root + id.Replace('@', '/');

    private static IEnumerable<string> ListFolder(string path, string prefix)
    {
        var folder = Path.Combine(path, prefix);
        return Directory.Exists(folder)
            ? Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(path, file).Replace('\\', '/'))
            : [];
    }
}
