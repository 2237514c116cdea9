namespace Platform.Contracts;

/// <summary>
/// set.json of a reference set: images with known labels that qc judges segmentations by. Beside it lie, for reference nn = "01", "02", …,
/// <c>{nn}.image.nii.zst</c> and <c>{nn}.labels.nii.zst</c> on one grid, label values being the model's output values, and, once the set
/// is evaluated, <c>calibration.json</c>; <c>features.json</c> says how the images look from afar. Once evaluated, a version never changes.
/// </summary>
public sealed record ReferenceSetManifest
{
    /// <summary>Lower-case letters, digits and hyphens.</summary>
    public required string Name { get; init; }

    /// <summary>Whole number or semantic version.</summary>
    public required string Version { get; init; }

    /// <summary>For people: whose images, which labels, from where.</summary>
    public required string Description { get; init; }

    /// <summary>How test images are registered; null takes what suits an organ or brain at the references' spacing.</summary>
    public RegistrationSettings? Registration { get; init; }

    /// <summary>Every image and label file, in order of name.</summary>
    public required IReadOnlyList<ReferenceSetFile> Files { get; init; }

    /// <summary>References registered with a test image: those most like it; null registers all.</summary>
    public int? Nearest { get; init; }

    /// <summary>name@version.</summary>
    public string Id => $"{Name}@{Version}";
}

/// <summary>One file of a reference set.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Sha256">Digest of its bytes, lower-case hexadecimal.</param>
public sealed record ReferenceSetFile(string Name, string Sha256);
