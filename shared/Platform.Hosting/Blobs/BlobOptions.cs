using System.ComponentModel.DataAnnotations;

namespace Platform.Hosting;

/// <summary>Where blobs are kept.</summary>
public enum BlobProvider
{
    /// <summary>A folder of this machine.</summary>
    Folder,

    /// <summary>Azure Blob Storage, or Azurite.</summary>
    Azure,
}

/// <summary>Section "Blobs".</summary>
public sealed class BlobOptions : IValidatableObject
{
    /// <summary>Folder or Azure.</summary>
    public BlobProvider Provider { get; init; } = BlobProvider.Folder;

    /// <summary>The folder, for <see cref="BlobProvider.Folder"/>.</summary>
    public string? Path { get; init; }

    /// <summary>The storage account, for <see cref="BlobProvider.Azure"/>.</summary>
    public string? ConnectionString { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Provider == BlobProvider.Folder && string.IsNullOrWhiteSpace(Path))
        {
            yield return new("a folder is needed where Blobs:Provider is Folder", [nameof(Path)]);
        }
        if (Provider == BlobProvider.Azure && string.IsNullOrWhiteSpace(ConnectionString))
        {
            yield return new(
                "a connection string is needed where Blobs:Provider is Azure",
                [nameof(ConnectionString)]
            );
        }
    }
}

/// <summary>Section "Packages".</summary>
public sealed class PackageOptions : IValidatableObject
{
    /// <summary>A folder that holds models/ and references/, copied into the blob store at start. Unset: the store has them already.</summary>
    public string? Path { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Path is { Length: > 0 } && !Directory.Exists(Path))
        {
            yield return new($"'{Path}' is not a folder", [nameof(Path)]);
        }
    }
}
