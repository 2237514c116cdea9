using Platform.Testing;
using Platform.Training;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class TrainerTests
{
    private static readonly LabelAtlas Atlas = HeadPhantom.Atlas();

    private static Trainer Brain(out StructureTask task)
    {
        set_num_threads(1);
        task = new StructureTask(HeadPhantom.Brain, Atlas);
        return new(task, HeadPhantom.Brain.Optimisation, HeadPhantom.Brain.Seed, _ => { });
    }

    [Fact]
    public void Thirty_steps_lower_the_loss_of_the_segmentation_by_a_fifth()
    {
        var trainer = Brain(out _);
        trainer.Run(null, resume: false);
        Assert.Equal(30, trainer.Losses.Count);
        Assert.True(trainer.Losses[^5..].Average() < 0.8 * trainer.Losses[..5].Average());
    }

    [Fact]
    public void Thirty_steps_lower_the_loss_of_the_super_resolution()
    {
        set_num_threads(1);
        var recipe = HeadPhantom.Slices;
        var trainer = new Trainer(
            new SuperResolutionTask(recipe, Atlas),
            recipe.Optimisation,
            recipe.Seed,
            _ => { }
        );
        trainer.Run(null, resume: false);
        Assert.True(trainer.Losses[^10..].Average() < trainer.Losses[..10].Average());
    }

    [Fact]
    public void A_run_stopped_and_resumed_ends_with_the_weights_of_one_that_was_not()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = Path.Combine(folder.Path, "state");
        var whole = Brain(out var uninterrupted);
        whole.Run(null, resume: false);

        // 21 is odd: the stop falls between the two patches of one head.
        Brain(out _).Run(checkpoint, resume: false, until: 21);
        var rest = Brain(out var resumed);
        rest.Run(checkpoint, resume: true);

        Assert.Equal(whole.Losses[21..], rest.Losses);
        foreach (
            var (a, b) in uninterrupted
                .Network.parameters()
                .Zip(resumed.Network.parameters())
        )
        {
            Assert.Equal(a.data<float>().ToArray(), b.data<float>().ToArray());
        }
    }

    [Fact]
    public void A_checkpoint_of_another_seed_is_refused()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = Path.Combine(folder.Path, "state");
        Brain(out var task).Run(checkpoint, resume: false, until: 1);
        var other = new Trainer(task, HeadPhantom.Brain.Optimisation, 8, _ => { });
        Assert.Throws<InvalidDataException>(() => other.Run(checkpoint, resume: true));
    }
}
