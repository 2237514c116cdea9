using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;
using Platform.Qc;
using Platform.Training;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class ReverseTaskTests(ReverseTaskTests.Fitted fitted)
    : IClassFixture<ReverseTaskTests.Fitted>
{
    private const int Steps = 60;

    /// <summary>One subject, and the network fitted to its true labels.</summary>
    public sealed class Fitted
    {
        public Fitted()
        {
            set_num_threads(1);
            Onnx = ReverseTask.Train(Context, Subject.Labels, Steps, default);
        }

        public (Volume<float> Image, Volume<byte> Labels) Subject { get; } = Nodules.Subject(100);

        public ContextImage Context => ContextImage.At(Subject.Image, 2);

        public byte[] Onnx { get; }
    }

    [Fact]
    public void The_network_labels_the_image_it_was_fitted_to()
    {
        Assert.InRange(fitted.Onnx.Length, 10_000, 200_000);
        using var network = new ReverseNetwork(
            fitted.Onnx,
            ReverseNetwork.Classes(fitted.Subject.Labels)
        );
        var labelled = network.Label(fitted.Context, default);
        foreach (var label in (byte[])[Nodules.Bright, Nodules.Dark])
        {
            var dice = LabelMeasures.Dice(fitted.Subject.Labels, labelled, label);
            Assert.True(dice > 0.8, $"label {label}: {dice:f2}");
        }
    }

    [Fact]
    public void A_wrong_segmentation_agrees_less_with_references_than_a_right_one()
    {
        var truth = fitted.Subject.Labels;
        var right = Best(truth, fitted.Onnx);
        Assert.True(right[Nodules.Bright] > 0.7 && right[Nodules.Dark] > 0.7, $"{right}");

        // The dark nodule is lost, and the bright one lies where nothing is to be seen.
        var wrong = new Volume<byte>(truth.Geometry);
        for (var n = 0; n < truth.Voxels.Length; n++)
        {
            var below = n - 8 * truth.Geometry.Shape.I * truth.Geometry.Shape.J;
            wrong.Voxels[n] =
                below >= 0 && truth.Voxels[below] == Nodules.Bright ? Nodules.Bright : (byte)0;
        }
        var judged = Best(wrong, ReverseTask.Train(fitted.Context, wrong, Steps, default));
        Assert.True(
            judged[Nodules.Bright] < right[Nodules.Bright] - 0.2,
            $"{right[Nodules.Bright]:f2}, wrong {judged[Nodules.Bright]:f2}"
        );
        Assert.Equal(0, judged[Nodules.Dark]);
    }

    [Fact]
    public void Empty_labels_are_predicted_zero_without_a_network_and_others_not_at_all()
    {
        var empty = new Volume<byte>(fitted.Subject.Labels.Geometry);
        Assert.All(Best(empty, null), dice => Assert.Equal(0, dice.Value));
        Assert.Throws<InvalidOperationException>(() => Best(fitted.Subject.Labels, null));
    }

    [Fact]
    public void The_exported_network_labels_as_torch_does()
    {
        var classes = ReverseNetwork.Classes(fitted.Subject.Labels);
        // Some steps, so that every class is the largest somewhere and the folded statistics are not those of a new network.
        var task = new ReverseTask(fitted.Context, fitted.Subject.Labels);
        var trainer = new Trainer(task, HeadPhantom.Brain.Optimisation, task.Seed, _ => { });
        trainer.Run(null, resume: false);
        trainer.UseAverage();
        using var none = no_grad();
        var (values, shape) = ReverseNetwork.Input(fitted.Context);
        using var input = tensor(values, shape);
        using var largest = task.Network.forward(input).argmax(1).flatten().to(uint8);
        byte[] expected = [.. largest.data<byte>().ToArray().Select(channel => classes[channel])];
        using var network = new ReverseNetwork(task.Network.ToOnnx(), classes);
        var labelled = network.Label(fitted.Context, default).Voxels;
        Assert.True(expected.Distinct().Count() > 1);
        // Kernels are stored with 11 bits: few voxels are that close.
        var same = expected.Zip(labelled).Count(pair => pair.First == pair.Second);
        Assert.InRange(same, 0.99 * expected.Length, expected.Length);
    }

    [Fact]
    public void The_same_image_and_labels_give_the_same_network()
    {
        var (one, two) = (Train(), Train());
        Assert.Equal(one, two);
        Assert.NotEqual(one, fitted.Onnx);

        byte[] Train() => ReverseTask.Train(fitted.Context, fitted.Subject.Labels, 5, default);
    }

    [Fact]
    public void Empty_labels_and_a_constant_image_are_refused_with_the_reason()
    {
        var geometry = fitted.Subject.Labels.Geometry;
        var empty = Assert.Throws<VolumeException>(() =>
            ReverseTask.Train(fitted.Context, new(geometry), 5, default)
        );
        Assert.Contains("the labels are empty", empty.Message, StringComparison.Ordinal);
        var constant = Assert.Throws<VolumeException>(() => ContextImage.At(new(geometry), 2));
        Assert.Contains("the image is constant", constant.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_too_small_for_the_grid_are_still_learnt_from()
    {
        var speck = new Volume<byte>(
            VolumeGeometry.Ras((96, 96, 96), (0.5, 0.5, 0.5)),
            new byte[96 * 96 * 96]
        );
        speck.Voxels[0] = Nodules.Dark;
        Assert.NotEmpty(ReverseTask.Train(fitted.Context, speck, 2, default));
    }

    [Fact]
    public void Training_stops_when_told_to()
    {
        var stopped = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() =>
            ReverseTask.Train(fitted.Context, fitted.Subject.Labels, 1_000_000, stopped)
        );
    }

    /// <summary>Best Dice of each structure over three references.</summary>
    private Dictionary<byte, double> Best(Volume<byte> labels, byte[]? onnx) =>
        new ConstrainedCnnClassifier(References.Value, onnx, 0)
            .Prepare(fitted.Subject.Image, ReferencePart.Whole, default)
            .Score(labels)
            .ToDictionary(score => score.Key, score => score.Value.Max());

    private static readonly Lazy<ReferenceSet> References = new(() =>
        ReferenceSet.Prepare(
            new ReferenceSetManifest
            {
                Name = "nodules",
                Version = "1",
                Description = "Made up.",
                Files = [],
                Registration = new() { SpacingsMm = [4, 2] },
            },
            [.. Enumerable.Range(1, 3).Select(Nodules.Subject)]
        )
    );
}
