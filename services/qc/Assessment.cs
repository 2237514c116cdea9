using Platform.Contracts;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>A segmentation to be assessed, and by what.</summary>
/// <param name="Study">Whose.</param>
/// <param name="Output">What was planned.</param>
/// <param name="Received">The series it derives from, as planned; null where the plan does not list it.</param>
/// <param name="Model">The model that made it.</param>
/// <param name="Classifier">The reverse classifier the model asks for, of its reference set; null where none is installed, or none can be trained.</param>
public sealed record Assessment(
    StudyContext Study,
    PlannedOutput Output,
    PlannedSeries? Received,
    ModelManifest Model,
    IReverseClassifier? Classifier
)
{
    /// <summary>How many frames the segmentation has; 1 where it is no time series.</summary>
    public int Frames => Received?.Frames ?? 1;
}
