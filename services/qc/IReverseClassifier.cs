using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// Reverse classification accuracy (Valindria 2017): a classifier learnt from one image and its predicted labels is held against references
/// whose labels are known; where it labels one of them well, the prediction it learnt from was good.
/// </summary>
public interface IReverseClassifier
{
    /// <summary>One of <see cref="ReverseClassifiers.All"/>.</summary>
    string Name { get; }

    /// <summary>The references.</summary>
    ReferenceSet Set { get; }

    /// <summary>Does what needs the test image alone, for any number of segmentations of it.</summary>
    /// <param name="image">The test image.</param>
    /// <param name="part">Which of the references that judge it.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    /// <exception cref="VolumeException">The test image is constant, non-finite or too small.</exception>
    IReverseCase Prepare(
        Volume<float> image,
        ReferencePart part,
        CancellationToken cancellationToken
    );

    /// <summary>Makes a classifier.</summary>
    /// <param name="name">One of <see cref="ReverseClassifiers.All"/>.</param>
    /// <param name="set">The references.</param>
    /// <param name="parallelism">Threads at most.</param>
    /// <exception cref="InvalidDataException">No such classifier, or one that is made for a single segmentation; the message names those there are.</exception>
    static IReverseClassifier Create(string name, ReferenceSet set, int parallelism) =>
        name switch
        {
            ReverseClassifiers.SingleAtlas => new SingleAtlasClassifier(set, parallelism),
            ReverseClassifiers.AtlasForest => new AtlasForestClassifier(set, parallelism),
            ReverseClassifiers.ConstrainedCnn => throw new InvalidDataException(
                "classifier 'constrained-cnn' needs a network that the training service fits to each segmentation: only qc beside one can use it, and it cannot be evaluated here"
            ),
            _ => throw new InvalidDataException(ReverseClassifiers.Unknown(name)),
        };
}

/// <summary>A test image, ready to have segmentations of it judged.</summary>
public interface IReverseCase
{
    /// <summary>The references that judge, nearest first where the set is asked for its nearest.</summary>
    IReadOnlyList<Reference> References { get; }

    /// <summary>References that could not be held against the image.</summary>
    int Failed { get; }

    /// <summary>Known and reversely predicted labels, a pair on one grid for each of <see cref="References"/>.</summary>
    /// <param name="predicted">Predicted labels in the test image's world, on any grid.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    IReadOnlyList<ReverseLabels> Predict(
        Volume<byte> predicted,
        CancellationToken cancellationToken
    );
}

/// <summary>Two label maps of one reference, on one grid.</summary>
/// <param name="Known">The reference's own labels.</param>
/// <param name="Predicted">What the segmentation under test says they are.</param>
public readonly record struct ReverseLabels(Volume<byte> Known, Volume<byte> Predicted);

/// <summary>What every classifier's labels are boiled down to.</summary>
public static class ReverseScores
{
    /// <summary>How known (first) and reversely predicted (second) labels overlap, for each of the references.</summary>
    /// <param name="judge">The test image.</param>
    /// <param name="predicted">Predicted labels in the test image's world, on any grid.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static IReadOnlyList<IReadOnlyList<LabelOverlap>> Compare(
        this IReverseCase judge,
        Volume<byte> predicted,
        CancellationToken cancellationToken
    ) => Compare(judge.Predict(predicted, cancellationToken), cancellationToken);

    internal static IReadOnlyList<IReadOnlyList<LabelOverlap>> Compare(
        IEnumerable<ReverseLabels> references,
        CancellationToken cancellationToken
    ) =>
        [
            .. references.Select(labels =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                return LabelMeasures.Overlaps(labels.Known, labels.Predicted);
            }),
        ];

    /// <summary>
    /// Dice of each structure with each reference that has it: 0 where the prediction has none of it. A structure no reference has is not in
    /// the result.
    /// </summary>
    /// <param name="judge">The test image.</param>
    /// <param name="predicted">Predicted labels in the test image's world, on any grid.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static IReadOnlyDictionary<byte, IReadOnlyList<double>> Score(
        this IReverseCase judge,
        Volume<byte> predicted,
        CancellationToken cancellationToken = default
    ) => ByStructure(judge.Compare(predicted, cancellationToken));

    internal static IReadOnlyDictionary<byte, IReadOnlyList<double>> ByStructure(
        IEnumerable<IReadOnlyList<LabelOverlap>> references
    ) =>
        references
            .SelectMany(overlaps => overlaps)
            .Where(overlap => overlap.First > 0)
            .GroupBy(overlap => overlap.Label)
            .ToDictionary(
                label => label.Key,
                IReadOnlyList<double> (label) => [.. label.Select(overlap => overlap.Dice)]
            );
}
