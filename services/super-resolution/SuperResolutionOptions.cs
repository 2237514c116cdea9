using Platform.Serving;

namespace Platform.SuperResolution;

/// <summary>Section "SuperResolution".</summary>
public sealed class SuperResolutionOptions : ServedModelsOptions;
