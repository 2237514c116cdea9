namespace Platform.Serving;

/// <summary>Which models a service serves: each service has a section of its own.</summary>
public abstract class ServedModelsOptions
{
    /// <summary>The one model of this process, as name or name@version: what a cluster's pod has.</summary>
    public string? Model { get; init; }

    /// <summary>Several models, instead of <see cref="Model"/>. Neither: every installed model of the service's task.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    internal IReadOnlyList<string> Configured =>
        string.IsNullOrEmpty(Model) ? Models : [Model, .. Models];
}
