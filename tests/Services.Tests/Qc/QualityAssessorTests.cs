using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>What is made of what the references say.</summary>
public sealed class QualityAssessorTests
{
    private const byte Thalamus = 10;

    private static readonly SingleAtlasClassifier Classifier = new(ReferencePhantoms.Set(1), 1);

    [Fact]
    public void A_structure_on_which_the_references_contradict_each_other_does_not_pass()
    {
        // Half of the references found nothing: the three best say 0.9, the interval reaches from 0 to 0.9.
        var structure = Judge([90, 90, 90, 0, 0, 0]);
        Assert.Equal((0.9, 0), (structure.PredictedDice, structure.IntervalLow));
        Assert.Equal(Verdict.Review, structure.Verdict);
        // Reaching below the threshold of a review (0.4) is ordinary.
        structure = Judge([90, 90, 90, 30, 30, 30]);
        Assert.Equal((0.9, 0.3), (structure.PredictedDice, structure.IntervalLow));
        Assert.Equal(Verdict.Pass, structure.Verdict);
    }

    [Fact]
    public void What_is_bad_fails_however_wide_its_interval() =>
        Assert.Equal(Verdict.Fail, Judge([30, 0, 0, 0, 0, 0]).Verdict);

    [Fact]
    public void Distances_are_the_least_of_the_three_best_references()
    {
        ReferenceComparisons comparisons = new()
        {
            References =
            [
                Compared(1, 80, new(9, 5, 2)),
                Compared(2, 20, new(1, 0.5, 0.1)),
                Compared(3, 85, new(8, 6, 1)),
                Compared(4, 90, new(9, 7, 3)),
            ],
            Failed = 0,
        };
        var structure = Judge(comparisons);
        Assert.Equal(
            (1, 5),
            (structure.PredictedMeanSurfaceDistanceMm, structure.PredictedHausdorff95Mm)
        );
        Assert.Null(Judge([90, 90]).PredictedHausdorff95Mm);
    }

    [Fact]
    public void Surfaces_are_as_far_apart_as_a_structure_was_shifted_and_unknown_where_it_is_missing()
    {
        var (image, labels) = BrainPhantom.Subject(100, 5);
        var itself = new PropagatedReferences(labels.Geometry, [labels], 0)
        {
            References = ReferencePhantoms.Set(1).References,
        };
        var distances = ReferenceComparisons.Of(itself, labels).Distances();
        Assert.Equal(new(0, 0), distances[Thalamus]);
        var shifted = ReferenceComparisons.Of(itself, Ruin.Shift(labels, 10)).Distances();
        Assert.InRange(shifted[Thalamus].Mean, 2, 10);
        Assert.InRange(shifted[Thalamus].Hausdorff95, 5, 10.01);
        var lost = ReferenceComparisons.Of(itself, Ruin.Drop(labels, Thalamus)).Distances();
        Assert.False(lost.ContainsKey(Thalamus));
    }

    [Fact]
    public void What_references_say_survives_being_stored()
    {
        ReferenceComparisons comparisons = new()
        {
            References = [Compared(7, 80, new(9, 5, 2)), Compared(9, 0)],
            Failed = 3,
            Seconds = 1.5,
        };
        var json = JsonSerializer.Serialize(comparisons, PlatformJson.Options);
        var read = JsonSerializer.Deserialize<ReferenceComparisons>(json, PlatformJson.Options)!;
        Assert.Equal(comparisons.References[0].Overlaps, read.References[0].Overlaps);
        Assert.Equal(comparisons.References[0].Distances, read.References[0].Distances);
        Assert.Equal((9, 3, 1.5), (read.References[1].Reference, read.Failed, read.Seconds));
        Assert.Equal(json, JsonSerializer.Serialize(read, PlatformJson.Options));
    }

    /// <summary>The thalamus, by references that agree on so many in a hundred of its voxels.</summary>
    private static StructureQuality Judge(int[] agreement) =>
        Judge(
            new ReferenceComparisons
            {
                References = [.. agreement.Select((both, n) => Compared(n + 1, both))],
                Failed = 0,
            }
        );

    private static StructureQuality Judge(ReferenceComparisons comparisons) =>
        QualityAssessor
            .Judge(
                new PlannedOutput
                {
                    Kind = OutputKind.Segmentation,
                    Series = "s1",
                    Model = "heads@1.0.0",
                    Input = "",
                    Output = "",
                },
                QcHost.Manifest(QcHost.References()),
                new Volume<byte>(BrainPhantom.Grid(20)),
                Classifier,
                comparisons,
                new DirectEstimates()
            )
            .Structures[0];

    private static ReferenceComparison Compared(
        int number,
        int both,
        SurfaceDistances? distances = null
    ) =>
        new(number, [new(Thalamus, 100, 100, both)])
        {
            Distances = distances is { } known
                ? new Dictionary<byte, SurfaceDistances> { [Thalamus] = known }
                : [],
        };
}
