using Platform.Inference;
using Platform.Testing;
using Platform.Training;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class HeartTests
{
    private static readonly Recipe Cine = new()
    {
        Name = "hearts",
        Version = "1.0.0",
        Seed = 7,
        Network = new()
        {
            Widths = [4, 6, 8],
            OutputWidth = 4,
            FlatLevels = 2,
        },
        Optimisation = new()
        {
            Steps = 6,
            Patch = [32, 32, 4],
            LearningRate = 0.002,
            HeldOutHeads = 1,
        },
        Generator = new() { SpacingMm = 3, Shape = [80, 72, 12] },
        Heart = new()
        {
            SliceDistanceMm = [8, 10],
            ThicknessShare = [0.8, 1],
            SliceShiftMm = 1,
        },
        Structures =
        [
            .. new[] { "cavity", "myocardium", "right ventricle" }.Select(
                (name, n) =>
                    new Structure
                    {
                        Name = name,
                        Labels = [n + 1],
                        Value = n + 1,
                    }
            ),
        ],
    };

    [Fact]
    public void The_same_stream_gives_the_same_heart_and_another_another()
    {
        var hearts = HeartGenerator.Of(Cine);
        var (first, again, other) = (
            hearts.Draw(new(1, 1)),
            hearts.Draw(new(1, 1)),
            hearts.Draw(new(1, 2))
        );
        Assert.Equal(first.Image, again.Image);
        Assert.Equal(first.Labels, again.Labels);
        Assert.NotEqual(first.Labels, other.Labels);
    }

    /// <summary>Published ranges of adults, healthy and failing: cavity 40–450 ml at end diastole, ejection fraction 8–85 %, muscle 40–350 ml.</summary>
    [Fact]
    public void Hearts_have_volumes_that_adults_have_and_their_muscle_keeps_its_volume_over_the_beat()
    {
        var recipe = Cine with
        {
            Generator = new() { SpacingMm = 3, Shape = [88, 88, 70] },
        };
        var hearts = HeartGenerator.Of(recipe);
        for (var n = 0; n < 6; n++)
        {
            var (diastole, systole) = (
                hearts.Thin(new(5, n), contraction: 0),
                hearts.Thin(new(5, n), contraction: 1)
            );
            var (full, least) = (Millilitres(diastole, 1), Millilitres(systole, 1));
            Assert.InRange(full, 40, 450);
            Assert.InRange(1 - least / full, 0.08, 0.85);
            var (relaxed, contracted) = (Millilitres(diastole, 2), Millilitres(systole, 2));
            Assert.InRange(relaxed, 40, 350);
            Assert.InRange(contracted / relaxed, 0.85, 1.15);
            Assert.InRange(Millilitres(diastole, 3), 10, 400);
        }

        static double Millilitres(SyntheticHead heart, byte label) =>
            heart.Labels.Count(value => value == label) * 3 * 3 * 2 / 1000.0;
    }

    [Fact]
    public void The_cavity_is_brighter_than_its_wall_which_surrounds_it()
    {
        var recipe = Cine with { Heart = Cine.Heart! with { AnyContrastFraction = 0 } };
        var hearts = HeartGenerator.Of(recipe);
        for (var n = 0; n < 4; n++)
        {
            var heart = hearts.Draw(new(11, n));
            Assert.True(Mean(1) > 1.3 * Mean(2), $"cavity {Mean(1):f2}, wall {Mean(2):f2}");

            double Mean(byte label) =>
                heart.Image.Where((_, v) => heart.Labels[v] == label).Average();
        }
    }

    [Fact]
    public void A_network_that_halves_within_slices_is_exported_as_torch_runs_it()
    {
        using var folder = new TemporaryFolder();
        set_num_threads(1);
        var task = new StructureTask(Cine, HeartGenerator.Of(Cine));
        var trainer = new Trainer(task, Cine.Optimisation, Cine.Seed, _ => { });
        trainer.Run(null, resume: false);
        trainer.UseAverage();
        HeartPackageWriter.Write(Cine, task, new("train", "One CPU thread", 6, 0, 1), folder.Path);
        var manifest = PackageTests.Compare(folder.Path, task.Network, [1, 1, 5, 24, 20]);
        Assert.Equal([3, 3, 0], manifest.Input.SpacingMm!);
        Assert.Equal(SliceAxis.Last, manifest.Input.Orientation);
        Assert.Equal((2, 64), (manifest.Routing.MinFrames, manifest.Routing.MaxFrames));
    }

    [Fact]
    public void Thick_short_axis_slices_learn_the_residual_and_are_packaged()
    {
        using var folder = new TemporaryFolder();
        set_num_threads(1);
        var recipe = Cine with
        {
            Network = new() { Widths = [6, 6], OutputWidth = 4 },
            Optimisation = Cine.Optimisation with { Patch = [24, 24, 4] },
            Generator = new() { SpacingMm = 3, Shape = [48, 48, 30] },
            Slices = new()
            {
                Factor = 5,
                ProfileFwhm = [0.8, 1.1],
                Noise = 0.05,
                ShiftMm = 1,
                Uncertainty = true,
            },
        };
        var task = new SuperResolutionTask(recipe, new ThinHearts(recipe));
        Assert.Equal(
            task.Draw(3).First().Input.data<float>().ToArray(),
            task.Draw(3).First().Input.data<float>().ToArray()
        );
        var batch = task.Draw(4).First();
        var output = task.Network.forward(batch.Input);
        Assert.Equal([1, 2, 20, 24, 24], output.shape);
        // The likelihood of an error is highest where it is what was expected.
        var off = full_like(batch.Target, 0.3);
        var losses = new[] { 0.2, 0.3, 0.45 }
            .Select(expected =>
                task.Loss(
                        cat([batch.Target + off, full_like(off, Math.Log(expected))], 1),
                        batch.Target
                    )
                    .item<float>()
            )
            .ToArray();
        Assert.True(losses[1] < losses[0] && losses[1] < losses[2]);
        HeartPackageWriter.Write(
            recipe,
            task,
            new("train", "One CPU thread", 6, 0, 1),
            folder.Path
        );
        var manifest = PackageTests.Compare(folder.Path, task.Network, [1, 1, 7, 18, 13]);
        Assert.Equal(5, manifest.SuperResolution!.Factor);
    }

    [Fact]
    public void A_recipe_that_does_not_say_how_hearts_are_imaged_is_refused()
    {
        var e = Assert.Throws<InvalidDataException>(() =>
            HeartGenerator.Of(Cine with { Heart = null })
        );
        Assert.Equal("recipe hearts has no \"heart\"", e.Message);
    }
}
