using System.Diagnostics;
using Platform.Imaging;

namespace Platform.Qc;

/// <summary>What references say of one segmentation: all a verdict needs of them, and small enough to be stored.</summary>
public sealed record ReferenceComparisons
{
    /// <summary>
    /// References whose surfaces are measured for each structure: those with the best Dice, as the least distances are looked for. Measuring
    /// every one would take many times as long.
    /// </summary>
    public const int Measured = 3;

    /// <summary>Those that could be held against the image.</summary>
    public required IReadOnlyList<ReferenceComparison> References { get; init; }

    /// <summary>References that could not.</summary>
    public required int Failed { get; init; }

    /// <summary>Seconds it took.</summary>
    public double Seconds { get; init; }

    /// <summary>Hears the references that judge a test image.</summary>
    /// <param name="judge">The test image.</param>
    /// <param name="predicted">Predicted labels in the test image's world, on any grid.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static ReferenceComparisons Of(
        IReverseCase judge,
        Volume<byte> predicted,
        CancellationToken cancellationToken = default
    )
    {
        var scoring = Stopwatch.GetTimestamp();
        var labels = judge.Predict(predicted, cancellationToken);
        ReferenceComparison[] compared =
        [
            .. ReverseScores
                .Compare(labels, cancellationToken)
                .Select((o, n) => new ReferenceComparison(judge.References[n].Number, o)),
        ];
        QcMetrics.Observe("score", scoring);
        var measuring = Stopwatch.GetTimestamp();
        var distances = Best(compared)
            .SelectMany(best => best.Value.Select(n => (Label: best.Key, Reference: n)))
            .AsParallel()
            .WithCancellation(cancellationToken)
            .Select(pair =>
                (
                    pair.Reference,
                    pair.Label,
                    Distances: SurfaceDistances.Between(
                        labels[pair.Reference].Known,
                        labels[pair.Reference].Predicted,
                        pair.Label
                    )
                )
            )
            .Where(of => of.Distances is not null)
            .ToLookup(of => of.Reference, of => (of.Label, Distances: of.Distances!.Value));
        QcMetrics.Observe("measure", measuring);
        return new()
        {
            References =
            [
                .. compared.Select(
                    (c, n) =>
                        c with
                        {
                            Distances = distances[n]
                                .ToDictionary(of => of.Label, of => of.Distances),
                        }
                ),
            ],
            Failed = judge.Failed,
        };
    }

    /// <summary>What the parts say together.</summary>
    public static ReferenceComparisons Join(IReadOnlyCollection<ReferenceComparisons> parts) =>
        new()
        {
            References = [.. parts.SelectMany(part => part.References)],
            Failed = parts.Sum(part => part.Failed),
            Seconds = parts.Sum(part => part.Seconds),
        };

    /// <summary>Dice of each structure with each reference that has it; a structure no reference has is not in the result.</summary>
    public IReadOnlyDictionary<byte, IReadOnlyList<double>> Scores() =>
        ReverseScores.ByStructure(References.Select(reference => reference.Overlaps));

    /// <summary>
    /// Each structure's surface distances by Robinson 2019: the least over references of the mean, and of the 95th percentile. A structure that
    /// prediction or references lack is not in the result.
    /// </summary>
    public IReadOnlyDictionary<byte, LeastDistances> Distances() =>
        Best(References)
            .Select(best =>
                (
                    Label: best.Key,
                    Of: best.Value.Select(n => References[n].Distances)
                        .Where(distances => distances.ContainsKey(best.Key))
                        .Select(distances => distances[best.Key])
                        .ToList()
                )
            )
            .Where(structure => structure.Of.Count > 0)
            .ToDictionary(
                structure => structure.Label,
                structure => new LeastDistances(
                    structure.Of.Min(distances => distances.Average),
                    structure.Of.Min(distances => distances.Hausdorff95)
                )
            );

    /// <summary>By structure, indices of the references that agree best on it; of equals the first in the set, so that parts together have those of the whole.</summary>
    private static Dictionary<byte, int[]> Best(IReadOnlyList<ReferenceComparison> references) =>
        references
            .SelectMany((reference, n) => reference.Overlaps.Select(o => (Overlap: o, Index: n)))
            .Where(of => of.Overlap.First > 0)
            .GroupBy(of => of.Overlap.Label)
            .ToDictionary(
                label => label.Key,
                label =>
                    label
                        .OrderByDescending(of => of.Overlap.Dice)
                        .ThenBy(of => references[of.Index].Reference)
                        .Take(Measured)
                        .Select(of => of.Index)
                        .ToArray()
            );
}

/// <summary>What one reference says.</summary>
/// <param name="Reference">Its number in the set, from 1.</param>
/// <param name="Overlaps">How its known (first) and its reversely predicted (second) labels overlap.</param>
public sealed record ReferenceComparison(int Reference, IReadOnlyList<LabelOverlap> Overlaps)
{
    /// <summary>How far their surfaces are apart, by label; of the structures this reference agrees best on.</summary>
    public IReadOnlyDictionary<byte, SurfaceDistances> Distances { get; init; } =
        new Dictionary<byte, SurfaceDistances>();
}

/// <summary>Predicted distances of a structure's surface from the true one, mm.</summary>
/// <param name="Mean">Mean surface distance.</param>
/// <param name="Hausdorff95">95th percentile of the distances.</param>
public sealed record LeastDistances(double Mean, double Hausdorff95);
