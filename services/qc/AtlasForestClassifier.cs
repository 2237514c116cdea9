using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// Reverse classification accuracy with an atlas forest (Valindria 2017; atlas forests: Zikic 2014): a forest learnt from the test image and
/// its predicted labels labels each reference. Nothing is registered, so no reference fails; a structure beyond the test image's field of view
/// cannot be told from one the prediction lost.
/// </summary>
public sealed class AtlasForestClassifier(ReferenceSet set, int parallelism) : IReverseClassifier
{
    /// <inheritdoc/>
    public string Name => ReverseClassifiers.AtlasForest;

    /// <inheritdoc/>
    public ReferenceSet Set => set;

    /// <inheritdoc/>
    public IReverseCase Prepare(
        Volume<float> image,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new Case(
            ContextImage.At(image, set.SpacingMm),
            part.Of(set.Nearest(Orienter.ToOrientation(image, "RAS"))),
            parallelism
        );
    }

    private sealed class Case(
        ContextImage image,
        IReadOnlyList<Reference> references,
        int parallelism
    ) : IReverseCase
    {
        public IReadOnlyList<Reference> References => references;

        public int Failed => 0;

        public IReadOnlyList<ReverseLabels> Predict(
            Volume<byte> predicted,
            CancellationToken cancellationToken
        )
        {
            var labels = Resampler.Nearest(predicted, image.Levels.Geometry);
            var forest = AtlasForest.Grow(image, labels, parallelism, cancellationToken);
            var labelled = new ReverseLabels[references.Count];
            Parallel.For(
                0,
                labelled.Length,
                new ParallelOptions
                {
                    CancellationToken = cancellationToken,
                    MaxDegreeOfParallelism = parallelism,
                },
                n =>
                    labelled[n] = new(
                        references[n].Labels,
                        forest.Label(references[n].Context, cancellationToken)
                    )
            );
            return labelled;
        }
    }
}
