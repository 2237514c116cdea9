using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;
using Platform.Training;
using Platform.Training.Adaptation;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class AdaptationTests
{
    private static readonly LabelAtlas Atlas = HeadPhantom.Atlas();

    private static readonly Recipe Phantom = HeadPhantom.Brain with
    {
        Name = "phantom-adapted",
        Optimisation = HeadPhantom.Brain.Optimisation with { Steps = 8, PatchesPerStep = 2 },
        Generator = HeadPhantom.Brain.Generator with { ContrastSeed = 1 },
        Adaptation = new()
        {
            AloneUntil = 0.25,
            FullFrom = 0.5,
            Weight = 0.05,
        },
    };

    [Fact]
    public void Gradient_reversal_changes_nothing_forward_and_gives_the_opposite_scaled_gradient()
    {
        using var x = tensor(new[] { 1.5f, -2f, 1e6f }, requires_grad: true);
        var reversed = GradientReversal.Of(x, 0.3);
        Assert.Equal(x.data<float>().ToArray(), reversed.data<float>().ToArray());
        (reversed * tensor(new[] { 1f, 2f, -4f })).sum().backward();
        Assert.Equal([-0.3f, -0.6f, 1.2f], x.grad!.data<float>().ToArray());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(30, 0)]
    [InlineData(45, 0.025)]
    [InlineData(60, 0.05)]
    [InlineData(99, 0.05)]
    public void The_adversarys_weight_is_zero_then_linear_then_full(int step, double weight) =>
        Assert.Equal(
            weight,
            new AdaptationSettings { Weight = 0.05 }.WeightAt(step, 100),
            precision: 9
        );

    [Theory]
    [InlineData(0.55, 0.79, true)]
    [InlineData(0.55, 0.70, false)]
    [InlineData(0.75, 0.85, false)]
    public void It_is_enough_when_the_adversary_is_at_chance_and_the_source_paid_nothing(
        double accuracy,
        double dice,
        bool enough
    ) =>
        Assert.Equal(
            enough,
            new AdaptationSettings { Weight = 0.05 }.IsEnough(
                new(dice, accuracy, 0, 0),
                new(0.8, double.NaN, 0, 0)
            )
        );

    [Fact]
    public void The_adversary_learns_to_tell_different_domains_apart_and_stays_at_chance_on_one()
    {
        Assert.InRange(Accuracy(difference: 1), 0.9, 1);
        Assert.InRange(Accuracy(difference: 0), 0.3, 0.7);
    }

    [Fact]
    public void Each_domain_keeps_statistics_of_its_own()
    {
        random.manual_seed(1);
        using var network = new AdversarialNet(new StructureNet([4, 4], 4, 2));
        using var none = no_grad();
        network.train();
        var normalisation = network
            .Segmenter.modules()
            .OfType<TorchSharp.Modules.BatchNorm3d>()
            .First();
        network.Segment(randn([1, 1, 8, 8, 8]), Domain.Source).Dispose();
        var source = Mean();
        network.Segment(randn([1, 1, 8, 8, 8]) + 5, Domain.Target).Dispose();
        var target = Mean();
        Assert.NotEqual(source, target);
        network.Use(Domain.Source);
        Assert.Equal(source, Mean());
        network.Use(Domain.Target);
        Assert.Equal(target, Mean());

        float[] Mean() => [.. normalisation.running_mean!.data<float>()];
    }

    [Fact]
    public void A_target_of_one_study_is_refused_with_the_number_that_is_needed()
    {
        using var folder = new TemporaryFolder();
        Store(Scan(1), Path.Combine(folder.Path, "only.nii.gz"));
        var refusal = Assert.Throws<InvalidDataException>(() =>
            TargetFolder.Read(folder.Path, Phantom)
        );
        Assert.Contains("1 scans", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("at least 3", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() =>
            new AdaptationTask(Phantom, Atlas, [TargetFolder.Read(Scan(1), Phantom)])
        );
    }

    [Fact]
    public void A_scan_on_another_grid_and_orientation_is_centred_where_the_head_is()
    {
        var plain = TargetFolder.Read(Scan(1), Phantom);
        var turned = TargetFolder.Read(Orienter.ToOrientation(Scan(1), "LPS"), Phantom);
        Assert.Equal(plain.Centre, turned.Centre);
        Assert.Equal(plain.Head.Channels[0].Voxels, turned.Head.Channels[0].Voxels);
    }

    [Fact]
    public async Task A_few_steps_export_a_candidate_whose_network_runs_and_which_is_not_live()
    {
        set_num_threads(1);
        using var folder = new TemporaryFolder();
        var scans = Path.Combine(folder.Path, "scans");
        Directory.CreateDirectory(scans);
        for (var n = 0; n < 3; n++)
        {
            Store(Scan(n), Path.Combine(scans, $"{n}.nii.gz"));
        }
        var task = new AdaptationTask(Phantom, Atlas, TargetFolder.Read(scans, Phantom));
        var trainer = new Trainer(task, Phantom.Optimisation, Phantom.Seed, _ => { });
        trainer.Run(null, resume: false);
        Assert.Equal(8, trainer.Losses.Count(float.IsFinite));
        trainer.UseAverage();
        var version = SemanticVersion.Candidate(Phantom.Version);
        var package = Path.Combine(folder.Path, "models", Phantom.Name, version);
        CandidateWriter.Write(
            Phantom,
            task,
            new("train adapt", "One CPU thread", trainer.Step, 2, 1),
            package
        );

        var models = ModelRepository.InFolder(folder.Path);
        Assert.Empty(await models.ListAsync(default));
        using var model = new OnnxModel(
            ModelPackage.Load(
                File.ReadAllBytes(Path.Combine(package, "model.json")),
                File.ReadAllBytes(Path.Combine(package, "model.onnx"))
            ),
            new() { Device = ComputeDevice.Cpu, Threads = 1 }
        );
        var labels = new Segmenter(model).Run(Scan(1)).Volume;
        Assert.Equal(Scan(1).Geometry.Shape, labels.Geometry.Shape);
        var card = File.ReadAllText(Path.Combine(package, "card.md"));
        Assert.Contains("3 unlabelled scans", card, StringComparison.Ordinal);
        Assert.Contains("before | after", card, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adaptation_stopped_and_resumed_ends_as_one_that_was_not()
    {
        set_num_threads(1);
        using var folder = new TemporaryFolder();
        var checkpoint = Path.Combine(folder.Path, "state");
        CentredHead[] target =
        [
            .. Enumerable.Range(0, 3).Select(n => TargetFolder.Read(Scan(n), Phantom)),
        ];
        Trainer Create(out AdaptationTask task)
        {
            task = new(Phantom, Atlas, target);
            return new(task, Phantom.Optimisation, Phantom.Seed, _ => { });
        }
        var whole = Create(out var uninterrupted);
        whole.Run(null, resume: false);
        Create(out _).Run(checkpoint, resume: false, until: 5);
        var rest = Create(out var resumed);
        rest.Run(checkpoint, resume: true);
        Assert.Equal(whole.Losses[5..], rest.Losses);
        whole.UseAverage();
        rest.UseAverage();
        Assert.Equal(uninterrupted.Segmenter.ToOnnx(), resumed.Segmenter.ToOnnx());
    }

    [Fact]
    public void A_run_ends_where_its_task_has_seen_enough_and_a_resumed_one_does_not_go_on()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = Path.Combine(folder.Path, "state");
        var settings = Phantom.Optimisation with
        {
            Steps = 300,
            PatchesPerStep = 1,
            PatchesPerHead = 100,
        };
        Trainer Create() => new(new SatisfiedTask(), settings, 1, _ => { });
        var first = Create();
        first.Run(checkpoint, resume: false);
        Assert.Equal(200, first.Step);
        var second = Create();
        second.Run(checkpoint, resume: true);
        Assert.Equal((200, 0), (second.Step, second.Losses.Count));
    }

    /// <summary>Balanced accuracy of an adversary after sixty steps, on maps it has not seen.</summary>
    private static double Accuracy(float difference)
    {
        set_num_threads(1);
        random.manual_seed(5);
        using var adversary = new DomainDiscriminator(6, width: 4);
        using var optimiser = optim.Adam(adversary.parameters(), lr: 0.01);
        for (var step = 0; step < 60; step++)
        {
            using var scope = NewDisposeScope();
            optimiser.zero_grad();
            var (source, target) = (
                adversary.forward(Maps(0)),
                adversary.forward(Maps(difference))
            );
            (
                nn.functional.softplus(source).mean() + nn.functional.softplus(-target).mean()
            ).backward();
            optimiser.step();
        }
        using var none = no_grad();
        return Enumerable
            .Range(0, 20)
            .Average(_ =>
            {
                using var scope = NewDisposeScope();
                var (source, target) = (
                    adversary.forward(Maps(0)),
                    adversary.forward(Maps(difference))
                );
                return (
                        (source < 0).to(float32).mean() + (target > 0).to(float32).mean()
                    ).item<float>() / 2;
            });

        // Coarse and fine, as a segmenter of two levels has them.
        static Tensor[] Maps(float shift) =>
            [randn([1, 4, 8, 8, 8]) + shift, randn([1, 2, 16, 16, 16]) - shift];
    }

    /// <summary>A phantom with another contrast than the source's.</summary>
    private static Volume<float> Scan(int index)
    {
        var generator = new HeadGenerator(
            Atlas,
            HeadPhantom.Still with
            {
                ContrastSeed = 9,
            },
            StructureTask.ClassOf(HeadPhantom.Structures)
        );
        var head = generator.Generate(Atlas.Maps[0], new FastRandom(3, index));
        return new(VolumeGeometry.Ras(head.Shape, (4, 4, 4)), head.Image);
    }

    private static void Store(Volume<float> scan, string path)
    {
        using var file = File.Create(path);
        NiftiWriter.Write(file, scan, NiftiCompression.Gzip);
    }

    /// <summary>Has seen enough at step 200.</summary>
    private sealed class SatisfiedTask : ITrainingTask
    {
        public nn.Module<Tensor, Tensor> Network { get; } = nn.Linear(1, 1);

        public Device Device => CPU;

        public IEnumerable<Batch> Draw(long index) =>
            Enumerable.Range(0, 100).Select(_ => new Batch(ones([1, 1]), ones([1, 1])));

        public Tensor Loss(Tensor output, Tensor target) => (output - target).square().mean();

        public bool Observe(int step) => step == 200;

        public string Probe() => "";
    }
}
