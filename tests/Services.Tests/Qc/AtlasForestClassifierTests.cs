using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

public sealed class AtlasForestClassifierTests(AtlasForestClassifierTests.Case head)
    : IClassFixture<AtlasForestClassifierTests.Case>
{
    private const byte LeftPutamen = 12,
        BrainStem = 16;

    /// <summary>One test head with three references, coarse: a forest is learnt for every segmentation of it.</summary>
    public sealed class Case
    {
        private const double Spacing = 4;

        public ReferenceSet Set { get; } =
            ReferenceSet.Prepare(
                ReferencePhantoms.Manifest,
                [.. Enumerable.Range(1, 3).Select(seed => BrainPhantom.Subject(seed, Spacing))]
            );

        public (Volume<float> Image, Volume<byte> Labels) Head { get; } =
            BrainPhantom.Subject(100, Spacing);

        public IReverseCase Judge(int parallelism = 2) =>
            new AtlasForestClassifier(Set, parallelism).Prepare(
                Head.Image,
                ReferencePart.Whole,
                default
            );
    }

    [Fact]
    public void The_worse_a_segmentation_the_worse_it_is_predicted()
    {
        var judge = head.Judge();
        Assert.Equal((3, 0), (judge.References.Count, judge.Failed));
        var pairs = new List<(double Predicted, double Real)>();
        var means = new List<double>();
        foreach (var severity in new[] { 0, 0.5, 0.78 })
        {
            var labels = SegmentationDegrader.Degrade(head.Head.Labels, severity, 3);
            var real = LabelMeasures
                .Overlaps(head.Head.Labels, labels)
                .Where(overlap => overlap.First > 0)
                .ToDictionary(overlap => overlap.Label, overlap => overlap.Dice);
            var scores = judge.Score(labels);
            Assert.Equal(BrainPhantom.Labels.Order(), scores.Keys.Order());
            pairs.AddRange(scores.Select(s => (s.Value.Max(), real[s.Key])));
            means.Add(scores.Values.Average(s => s.Max()));
        }
        Assert.True(means[0] > 0.7, $"its own labels are predicted {means[0]:f2}");
        Assert.True(
            means[1] < means[0] - 0.15 && means[2] < means[1],
            $"{means[0]:f2}, {means[1]:f2}, {means[2]:f2}"
        );
        var correlation = StructureCalibration.Pearson(Ranks(pairs));
        Assert.True(correlation > 0.7, $"rank correlation {correlation:f2}");
    }

    [Fact]
    public void A_structure_that_is_missing_is_predicted_zero_and_an_empty_segmentation_altogether()
    {
        var judge = head.Judge();
        var lost = judge.Score(Ruin.Drop(head.Head.Labels, LeftPutamen));
        Assert.All(lost[LeftPutamen], dice => Assert.Equal(0, dice));
        Assert.True(lost[BrainStem].Max() > 0.6);
        var empty = judge.Score(new Volume<byte>(head.Head.Labels.Geometry));
        Assert.Equal(BrainPhantom.Labels.Order(), empty.Keys.Order());
        Assert.All(empty.Values, scores => Assert.All(scores, dice => Assert.Equal(0, dice)));
    }

    [Fact]
    public void One_thread_and_two_predict_the_same()
    {
        var (one, two) = (
            head.Judge(1).Compare(head.Head.Labels, default),
            head.Judge(2).Compare(head.Head.Labels, default)
        );
        Assert.Equal(one.SelectMany(o => o), two.SelectMany(o => o));
    }

    [Fact]
    public void Units_and_grid_of_the_test_image_change_little()
    {
        var (image, labels) = head.Head;
        var scaled = new Volume<float>(
            image.Geometry,
            [.. image.Voxels.Select(value => 7.5f * value + 30)]
        );
        var turned = new AtlasForestClassifier(head.Set, 2)
            .Prepare(Orienter.ToOrientation(scaled, "LPS"), ReferencePart.Whole, default)
            .Score(labels);
        var straight = head.Judge().Score(labels);
        Assert.Equal(
            straight.Values.Average(scores => scores.Max()),
            turned.Values.Average(scores => scores.Max()),
            0.03
        );
    }

    [Fact]
    public void Growing_a_tree_and_labelling_a_reference_stop_when_told_to()
    {
        var stopped = new CancellationToken(canceled: true);
        var context = ContextImage.Of(head.Head.Image);
        var forest = AtlasForest.Grow(context, head.Head.Labels, 2, default);
        Assert.Throws<OperationCanceledException>(() => forest.Label(context, stopped));
        var samples = new ForestSamples(new short[2 * ContextBoxes.Width], [0, 1], 2);
        Assert.Throws<OperationCanceledException>(() => ForestTree.Grow(samples, 1, stopped));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            head.Judge().Compare(head.Head.Labels, stopped)
        );
    }

    [Fact]
    public void A_constant_image_is_refused()
    {
        var constant = new Volume<float>(head.Head.Image.Geometry);
        Assert.Throws<VolumeException>(() =>
            new AtlasForestClassifier(head.Set, 1).Prepare(constant, ReferencePart.Whole, default)
        );
    }

    [Fact]
    public void A_classifier_that_is_none_is_refused_by_its_name_and_the_choices()
    {
        var error = Assert.Throws<InvalidDataException>(() =>
            IReverseClassifier.Create("oracle", head.Set, 1)
        );
        Assert.Equal(
            "classifier 'oracle' is none of single-atlas, atlas-forest, constrained-cnn",
            error.Message
        );
        foreach (
            var name in (string[])[ReverseClassifiers.SingleAtlas, ReverseClassifiers.AtlasForest]
        )
        {
            Assert.Equal(name, IReverseClassifier.Create(name, head.Set, 1).Name);
        }
    }

    private static (double, double)[] Ranks(List<(double Predicted, double Real)> pairs) =>
        [
            .. pairs.Select(pair =>
                (
                    pairs.Count(other => other.Predicted < pair.Predicted)
                        + 0.5 * pairs.Count(other => other.Predicted == pair.Predicted),
                    pairs.Count(other => other.Real < pair.Real)
                        + 0.5 * pairs.Count(other => other.Real == pair.Real)
                )
            ),
        ];
}
