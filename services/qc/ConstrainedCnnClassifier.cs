using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// Reverse classification accuracy with a constrained CNN (Valindria 2017): a small network fitted to the test image and its predicted labels,
/// by the training service, labels each reference. It judges that one segmentation and no other. Nothing is registered, so no reference fails.
/// </summary>
/// <param name="set">The references.</param>
/// <param name="network">The network, as ONNX; null where there is none: then empty labels alone can be judged.</param>
/// <param name="threads">CPU threads; 0: one a core.</param>
public sealed class ConstrainedCnnClassifier(ReferenceSet set, byte[]? network, int threads)
    : IReverseClassifier
{
    /// <inheritdoc/>
    public string Name => ReverseClassifiers.ConstrainedCnn;

    /// <inheritdoc/>
    public ReferenceSet Set => set;

    /// <summary>The network, as ONNX; null where it does not exist.</summary>
    public byte[]? Network => network;

    /// <inheritdoc/>
    public IReverseCase Prepare(
        Volume<float> image,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        // What training would refuse is refused here: the network of an image without contrast does not exist.
        ContextImage.At(image, set.SpacingMm);
        var nearest = set.Nearest(Orienter.ToOrientation(image, "RAS"));
        return new Case(part.Of(nearest), network, threads);
    }

    private sealed class Case(IReadOnlyList<Reference> references, byte[]? network, int threads)
        : IReverseCase
    {
        public IReadOnlyList<Reference> References => references;

        public int Failed => 0;

        public IReadOnlyList<ReverseLabels> Predict(
            Volume<byte> predicted,
            CancellationToken cancellationToken
        )
        {
            var classes = ReverseNetwork.Classes(predicted);
            if (classes.Length == 1)
            {
                return
                [
                    .. references.Select(reference => new ReverseLabels(
                        reference.Labels,
                        new(reference.Labels.Geometry)
                    )),
                ];
            }
            using var fitted = new ReverseNetwork(
                network
                    ?? throw new InvalidOperationException("no network was fitted to these labels"),
                classes,
                threads
            );
            return
            [
                .. references.Select(reference => new ReverseLabels(
                    reference.Labels,
                    fitted.Label(reference.Context, cancellationToken)
                )),
            ];
        }
    }
}
