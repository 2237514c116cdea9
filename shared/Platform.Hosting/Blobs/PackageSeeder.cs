using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Platform.Hosting;

/// <summary>
/// Copies the model packages and reference sets of a folder into the blob store before anything consumes. A version is
/// immutable: a package that is there already must have the same bytes. Only what describes it (card.md) may have been written anew
/// since; the store keeps the one it has.
/// </summary>
public sealed partial class PackageSeeder(
    IBlobStore blobs,
    IOptions<PackageOptions> options,
    ILogger<PackageSeeder> logger
) : IHostedLifecycleService
{
    private static readonly string[] Kinds = ["models", "references"];

    /// <inheritdoc/>
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Path is { Length: > 0 } path)
        {
            await SeedAsync(blobs, path, logger, cancellationToken);
        }
    }

    /// <summary>Copies models/** and references/** below <paramref name="path"/> into the store, each file once.</summary>
    /// <exception cref="InvalidDataException">The store holds other bytes under a package's version.</exception>
    public static async Task SeedAsync(
        IBlobStore blobs,
        string path,
        ILogger logger,
        CancellationToken cancellationToken
    )
    {
        var files = Kinds
            .Select(kind => Path.Combine(path, kind))
            .Where(Directory.Exists)
            .SelectMany(folder =>
                Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            )
            // Files beside the packages, such as a README, have no version and are not packages.
            .Select(file => (File: file, Name: Path.GetRelativePath(path, file).Replace('\\', '/')))
            .Where(f =>
                f.Name.Count(c => c == '/') >= 3 && !f.Name.Contains("/.", StringComparison.Ordinal)
            )
            .OrderBy(f => f.Name, StringComparer.Ordinal);
        foreach (var (file, name) in files)
        {
            var created = await blobs.TryCreateAsync(
                name,
                async (stream, token) =>
                {
                    await using var source = File.OpenRead(file);
                    await source.CopyToAsync(stream, token);
                },
                cancellationToken
            );
            if (created)
            {
                LogSeeded(logger, name);
            }
            else
            {
                await using var stored = await blobs.OpenReadAsync(name, cancellationToken);
                await using var source = File.OpenRead(file);
                var there = await SHA256.HashDataAsync(stored, cancellationToken);
                var here = await SHA256.HashDataAsync(source, cancellationToken);
                if (here.SequenceEqual(there))
                {
                    continue;
                }
                if (name.EndsWith(".md", StringComparison.Ordinal))
                {
                    LogKept(logger, name);
                }
                else
                {
                    throw new InvalidDataException(
                        $"the blob store holds another '{name}': a version never changes, give the package a new one"
                    );
                }
            }
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Information, Message = "installed {Package}")]
    private static partial void LogSeeded(ILogger logger, string package);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Card} has another text by now; the installed one stays"
    )]
    private static partial void LogKept(ILogger logger, string card);
}
