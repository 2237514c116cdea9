using System.Collections.Concurrent;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// Reverse classification accuracy with a single-atlas classifier (Valindria 2017, in the direction of Robinson 2019): the test image with its
/// predicted labels is the atlas. Each reference is registered with the test image and its known labels are brought, nearest neighbour, into
/// test space; where a segmentation is good, they agree with it. The registration depends on the image only, so a bad segmentation cannot
/// bend it.
/// </summary>
public sealed class SingleAtlasClassifier(ReferenceSet set, int parallelism) : IReverseClassifier
{
    /// <summary>Mean local correlation below which two images show different anatomy.</summary>
    private const double LeastSimilarity = 0.15;

    private readonly ConcurrentBag<RegistrationWorkspace> _workspaces = [];

    /// <inheritdoc/>
    public string Name => ReverseClassifiers.SingleAtlas;

    /// <inheritdoc/>
    public ReferenceSet Set => set;

    IReverseCase IReverseClassifier.Prepare(
        Volume<float> image,
        ReferencePart part,
        CancellationToken cancellationToken
    ) => Register(image, part, cancellationToken);

    /// <summary>Registers the references, or the nearest so many as the set states, with a test image.</summary>
    /// <param name="image">The test image.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    /// <exception cref="VolumeException">The test image is constant, non-finite or too small.</exception>
    public PropagatedReferences Register(
        Volume<float> image,
        CancellationToken cancellationToken
    ) => Register(image, ReferencePart.Whole, cancellationToken);

    private PropagatedReferences Register(
        Volume<float> image,
        ReferencePart part,
        CancellationToken cancellationToken
    )
    {
        var moving = MovingImage.Prepare(image, set.Registration, cancellationToken);
        var grid = moving.GridAt(set.SpacingMm);
        var references = part.Of(set.Nearest(image));
        var least = new double[references.Count];
        var propagated = new Volume<byte>?[references.Count];
        Parallel.For(
            0,
            propagated.Length,
            new ParallelOptions
            {
                CancellationToken = cancellationToken,
                MaxDegreeOfParallelism = parallelism,
            },
            n =>
            {
                var work = _workspaces.TryTake(out var free) ? free : new RegistrationWorkspace();
                var reference = references[n];
                var result = ImageRegistration.Register(
                    reference.Image,
                    moving,
                    work,
                    cancellationToken
                );
                _workspaces.Add(work);
                least[n] = result.LeastJacobian;
                if (Succeeded(result))
                {
                    propagated[n] = result.Transform.WarpToMoving(reference.Labels, grid);
                }
            }
        );
        Volume<byte>[] found = [.. propagated.OfType<Volume<byte>>()];
        return new PropagatedReferences(grid, found, propagated.Length - found.Length)
        {
            LeastJacobian = least.DefaultIfEmpty(1).Min(),
            References = [.. references.Where((_, n) => propagated[n] is not null)],
        };
    }

    /// <summary>A registration that folds, that shrinks or grows a body more than people differ, or that leaves the images unlike tells nothing.</summary>
    private static bool Succeeded(RegistrationResult result) =>
        result.LeastJacobian > 0
        && result.Transform.Affine.Determinant is > 0.3 and < 3
        && result.Similarity >= LeastSimilarity;
}

/// <summary>The references' known labels in test space.</summary>
/// <param name="Grid">The grid they are compared on: the test image's field of view at the references' spacing.</param>
/// <param name="Labels">One map a reference that could be registered.</param>
/// <param name="Failed">References that could not.</param>
public sealed record PropagatedReferences(
    VolumeGeometry Grid,
    IReadOnlyList<Volume<byte>> Labels,
    int Failed
) : IReverseCase
{
    /// <summary>Least Jacobian determinant over every registration, failed ones included: at or below 0 one folded.</summary>
    public double LeastJacobian { get; init; } = 1;

    /// <summary>The references whose labels these are.</summary>
    public IReadOnlyList<Reference> References { get; init; } = [];

    /// <inheritdoc/>
    public IReadOnlyList<ReverseLabels> Predict(
        Volume<byte> predicted,
        CancellationToken cancellationToken = default
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        var compared = Resampler.Nearest(predicted, Grid);
        return [.. Labels.Select(known => new ReverseLabels(known, compared))];
    }
}
