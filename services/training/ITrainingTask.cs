using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>One step's input and target.</summary>
public sealed record Batch(Tensor Input, Tensor Target) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        Target.Dispose();
    }
}

/// <summary>What differs between models: the network, its samples and its loss.</summary>
public interface ITrainingTask
{
    /// <summary>The network being trained.</summary>
    nn.Module<Tensor, Tensor> Network { get; }

    /// <summary>The batches of sample <paramref name="index"/>, one a step; depends on the index and the seed only.</summary>
    IEnumerable<Batch> Draw(long index);

    /// <summary>Loss of the network's output, a scalar.</summary>
    Tensor Loss(Tensor output, Tensor target);

    /// <summary>Called when the averaged weights are in the network: takes back what the loss, not the data, taught it.</summary>
    void Finish() { }

    /// <summary>A short figure on fixed held-out samples, for the log. Called without gradients, in evaluation mode.</summary>
    string Probe();
}
