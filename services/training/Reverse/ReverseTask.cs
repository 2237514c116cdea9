using System.Security.Cryptography;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Networks;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// The constrained CNN of Valindria 2017: a network of 45,000 weights over-fitted to one image and its predicted labels, seen slightly turned,
/// scaled and recoloured. It sees 13 voxels to each side and is kept small, so that it learns what structures look like rather than this image
/// by heart. The same image and labels give the same network on the same number of threads.
/// </summary>
public sealed class ReverseTask : ITrainingTask
{
    /// <summary>Longest edge of a patch, voxels: a step costs the same for every larger image.</summary>
    public const int Edge = 32;

    private readonly ReverseSampler _sampler;

    /// <param name="image">The image, on the grid the network sees.</param>
    /// <param name="predicted">Its predicted labels, in the image's world, on any grid.</param>
    /// <exception cref="VolumeException">The labels are empty.</exception>
    public ReverseTask(ContextImage image, Volume<byte> predicted)
    {
        var classes = ReverseNetwork.Classes(predicted);
        if (classes.Length == 1)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                "the labels are empty: a reverse classifier has nothing to learn from them"
            );
        }
        var labels = Resampler.Nearest(predicted, image.Levels.Geometry);
        for (var n = 0; n < labels.Voxels.Length; n++)
        {
            labels.Voxels[n] = (byte)Array.IndexOf(classes, labels.Voxels[n]);
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(image.Levels.Voxels);
        hash.AppendData(labels.Voxels);
        Seed = BitConverter.ToInt64(hash.GetHashAndReset());
        _sampler = new(image, labels, Edge, Seed);
        random.manual_seed(Seed);
        Network = new StructureNet([8, 16, 16], 8, classes.Length, ReverseNetwork.Channels);
    }

    /// <summary>Seed of weights and samples, from the image and its labels.</summary>
    public long Seed { get; }

    /// <summary>The network being trained.</summary>
    public StructureNet Network { get; }

    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device => CPU;

    /// <summary>Trains a network.</summary>
    /// <param name="image">The image, on the grid the network sees.</param>
    /// <param name="predicted">Its predicted labels, in the image's world, on any grid.</param>
    /// <param name="steps">Steps, and so its time.</param>
    /// <param name="cancellationToken">Stops after the current step.</param>
    /// <returns>The network as ONNX, for <see cref="ReverseNetwork"/>.</returns>
    /// <exception cref="VolumeException">The labels are empty.</exception>
    public static byte[] Train(
        ContextImage image,
        Volume<byte> predicted,
        int steps,
        CancellationToken cancellationToken
    )
    {
        using var scope = NewDisposeScope();
        var task = new ReverseTask(image, predicted);
        var trainer = new Trainer(task, Settings(steps), task.Seed, _ => { });
        trainer.Run(checkpoint: null, resume: false, cancellation: cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        trainer.UseAverage();
        return task.Network.ToOnnx();
    }

    /// <summary>How a network this small is trained.</summary>
    public static OptimisationSettings Settings(int steps) =>
        new()
        {
            Steps = steps,
            Patch = [Edge, Edge, Edge],
            PatchesPerHead = 1,
            LearningRate = 0.01,
            WarmUpSteps = 10,
            FreezeNormalisationAt = 0.6,
            AverageDecay = 0.98,
        };

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index) => [_sampler.Draw(index)];

    /// <inheritdoc/>
    public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

    /// <summary>Nothing is held out.</summary>
    public string Probe() => "";
}
