using Platform.Serving;

namespace Platform.Segmentation;

/// <summary>Section "Segmentation".</summary>
public sealed class SegmentationOptions : ServedModelsOptions;
