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
    public void Thirty_steps_lower_the_loss_of_the_segmentation_on_a_head_not_trained_on()
    {
        var trainer = Brain(out var task);
        var before = LossOf(task);
        trainer.Run(null, resume: false);
        Assert.True(LossOf(task) < 0.9 * before);
        Assert.Equal(30, trainer.Losses.Count);
    }

    [Fact]
    public void Thirty_steps_lower_the_loss_of_the_super_resolution_on_a_head_not_trained_on()
    {
        set_num_threads(1);
        var recipe = HeadPhantom.Slices;
        var task = new SuperResolutionTask(recipe, Atlas);
        var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, _ => { });
        var before = LossOf(task);
        trainer.Run(null, resume: false);
        Assert.True(LossOf(task) < before);
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
        foreach (var (a, b) in uninterrupted.Network.parameters().Zip(resumed.Network.parameters()))
        {
            Assert.Equal(a.data<float>().ToArray(), b.data<float>().ToArray());
        }
    }

    [Fact]
    public void Steps_of_several_patches_learn_the_same_however_many_threads_make_the_samples()
    {
        float[] Losses(int workers)
        {
            set_num_threads(1);
            // Three patches a step of two a head: steps begin in the middle of heads.
            var settings = HeadPhantom.Brain.Optimisation with
            {
                PatchesPerStep = 3,
            };
            var task = new StructureTask(HeadPhantom.Brain, Atlas);
            var trainer = new Trainer(task, settings, HeadPhantom.Brain.Seed, _ => { }, workers);
            trainer.Run(null, resume: false, until: 7);
            return [.. trainer.Losses];
        }
        var one = Losses(workers: 1);
        Assert.Equal(7, one.Distinct().Count());
        Assert.Equal(one, Losses(workers: 4));
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

    private static float LossOf(ITrainingTask task)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var none = no_grad();
        task.Network.train();
        var batch = task.Draw(9_999).First();
        return task.Loss(task.Network.forward(batch.Input), batch.Target).item<float>();
    }
}
