using Platform.Imaging;
using Platform.Testing;

namespace Platform.Qc.Tests;

public sealed class SingleAtlasClassifierTests(SingleAtlasClassifierTests.Case head)
    : IClassFixture<SingleAtlasClassifierTests.Case>
{
    private const byte LeftThalamus = 10,
        RightThalamus = 49,
        LeftHippocampus = 17,
        RightHippocampus = 53,
        LeftPutamen = 12,
        BrainStem = 16;

    /// <summary>One test head with four references registered to it.</summary>
    public sealed class Case
    {
        public Case() =>
            Propagated = new SingleAtlasClassifier(ReferencePhantoms.Set(4), 2).Register(
                Head.Image,
                CancellationToken.None
            );

        public (Volume<float> Image, Volume<byte> Labels) Head { get; } =
            BrainPhantom.Subject(100, ReferencePhantoms.Spacing);

        public PropagatedReferences Propagated { get; }

        public double Predicted(Volume<byte> labels, byte label) =>
            StructureScore.Of(Propagated.Score(labels)[label]).Best;
    }

    [Fact]
    public void A_right_segmentation_is_predicted_good_in_every_structure()
    {
        Assert.Equal(0, head.Propagated.Failed);
        foreach (var label in BrainPhantom.Labels)
        {
            Assert.True(head.Predicted(head.Head.Labels, label) > 0.6, $"label {label}");
        }
    }

    [Fact]
    public void A_segmentation_shifted_by_ten_millimetres_is_predicted_much_worse()
    {
        var ruined = Ruin.Shift(head.Head.Labels, 10);
        foreach (var label in BrainPhantom.Labels)
        {
            AssertWorse(ruined, label, 0.1);
        }
        AssertWorse(ruined, LeftHippocampus, 0.3);
    }

    [Fact]
    public void A_bloated_structure_is_predicted_worse_and_the_far_ones_as_before()
    {
        var ruined = Ruin.Dilate(head.Head.Labels, LeftThalamus, 6);
        AssertWorse(ruined, LeftThalamus, 0.25);
        AssertUntouched(ruined, RightHippocampus);
    }

    [Fact]
    public void Left_and_right_exchanged_are_predicted_worthless()
    {
        var ruined = Ruin.Swap(head.Head.Labels, LeftHippocampus, RightHippocampus);
        Assert.True(head.Predicted(ruined, LeftHippocampus) < 0.05);
        Assert.True(head.Predicted(ruined, RightHippocampus) < 0.05);
        AssertUntouched(ruined, BrainStem);
    }

    [Fact]
    public void A_structure_that_is_missing_is_predicted_zero()
    {
        var ruined = Ruin.Drop(head.Head.Labels, LeftPutamen);
        Assert.Equal(0, head.Predicted(ruined, LeftPutamen));
        AssertUntouched(ruined, RightThalamus);
    }

    [Fact]
    public void An_empty_segmentation_is_predicted_zero_everywhere()
    {
        var empty = new Volume<byte>(head.Head.Labels.Geometry);
        foreach (var label in BrainPhantom.Labels)
        {
            Assert.Equal(0, head.Predicted(empty, label));
        }
    }

    [Fact]
    public void A_label_no_reference_has_is_not_scored()
    {
        var odd = new Volume<byte>(head.Head.Labels.Geometry, [.. head.Head.Labels.Voxels]);
        odd.Voxels.AsSpan(100_000, 500).Fill(200);
        Assert.False(head.Propagated.Score(odd).ContainsKey(200));
    }

    [Fact]
    public void Labels_on_a_finer_grid_than_the_references_are_compared_where_they_lie()
    {
        var fine = Resampler.Nearest(head.Head.Labels, BrainPhantom.Grid(1.5));
        Assert.Equal(
            head.Predicted(head.Head.Labels, BrainStem),
            head.Predicted(fine, BrainStem),
            0.02
        );
    }

    [Fact]
    public void A_reference_of_another_anatomy_is_left_out_and_counted()
    {
        var noise = ReferencePhantoms.Noise(BrainPhantom.Grid(ReferencePhantoms.Spacing));
        var brain = BrainPhantom.Subject(1, ReferencePhantoms.Spacing);
        var set = ReferenceSet.Prepare(ReferencePhantoms.Manifest, [brain, (noise, brain.Labels)]);
        var propagated = new SingleAtlasClassifier(set, 2).Register(
            head.Head.Image,
            CancellationToken.None
        );
        Assert.Equal(1, propagated.Failed);
        Assert.Single(propagated.Labels);
    }

    [Fact]
    public void Only_the_nearest_references_are_registered_and_the_others_change_nothing()
    {
        var set = ReferencePhantoms.Set(4, nearest: 2);
        var nearest = set.Nearest(head.Head.Image);
        Assert.Equal(2, nearest.Count);
        var propagated = new SingleAtlasClassifier(set, 2).Register(
            head.Head.Image,
            CancellationToken.None
        );
        var all = Enumerable.Range(0, 4).Where(n => nearest.Contains(set.References[n])).ToList();
        Assert.Equal(
            all.Select(n => head.Propagated.Labels[n].Voxels.Sum(v => v)).Order(),
            propagated.Labels.Select(labels => labels.Voxels.Sum(v => v)).Order()
        );
    }

    [Fact]
    public void An_image_with_nan_is_refused()
    {
        var broken = new Volume<float>(head.Head.Image.Geometry, [.. head.Head.Image.Voxels]);
        broken.Voxels[5000] = float.NaN;
        var error = Assert.Throws<VolumeException>(() =>
            new SingleAtlasClassifier(ReferencePhantoms.Set(1), 1).Register(
                broken,
                CancellationToken.None
            )
        );
        Assert.Equal(VolumeFault.BadVoxels, error.Fault);
    }

    [Fact]
    public void A_set_of_one_reference_predicts_from_it_alone()
    {
        var propagated = new SingleAtlasClassifier(ReferencePhantoms.Set(1), 2).Register(
            head.Head.Image,
            CancellationToken.None
        );
        var score = StructureScore.Of(propagated.Score(head.Head.Labels)[BrainStem]);
        Assert.True(score.Best > 0.6);
        Assert.Equal((score.Max, score.Max, score.Max), (score.Best, score.Low, score.High));
    }

    private void AssertWorse(Volume<byte> ruined, byte label, double by)
    {
        var (good, bad) = (head.Predicted(head.Head.Labels, label), head.Predicted(ruined, label));
        Assert.True(bad < good - by, $"label {label}: {good:f2} became {bad:f2}");
    }

    private void AssertUntouched(Volume<byte> ruined, byte label) =>
        Assert.Equal(head.Predicted(head.Head.Labels, label), head.Predicted(ruined, label), 0.03);
}
