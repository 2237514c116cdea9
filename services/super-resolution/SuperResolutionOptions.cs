namespace Platform.SuperResolution;

/// <summary>Section "SuperResolution".</summary>
public sealed class SuperResolutionOptions
{
    /// <summary>The one model of this process, as name or name@version: what a cluster's pod has.</summary>
    public string? Model { get; init; }

    /// <summary>Several models, instead of <see cref="Model"/>. Neither: every installed super-resolution model.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    internal IReadOnlyList<string> Configured =>
        string.IsNullOrEmpty(Model) ? Models : [Model, .. Models];
}
