using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>Input and target of a patch, or of a step's patches one after the other along the first axis.</summary>
public sealed record Batch(Tensor Input, Tensor Target) : IDisposable
{
    /// <summary>One batch of several, which are disposed.</summary>
    public static Batch Join(IReadOnlyList<Batch> parts)
    {
        if (parts is [var only])
        {
            return only;
        }
        var whole = new Batch(
            cat([.. parts.Select(part => part.Input)]),
            cat([.. parts.Select(part => part.Target)])
        );
        foreach (var part in parts)
        {
            part.Dispose();
        }
        return whole;
    }

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

    /// <summary>Where the network lies.</summary>
    Device Device { get; }

    /// <summary>The patches of sample <paramref name="index"/>, in CPU memory; depends on the index and the seed only. Called from several threads.</summary>
    IEnumerable<Batch> Draw(long index);

    /// <summary>Loss of the network's output, a scalar.</summary>
    Tensor Loss(Tensor output, Tensor target);

    /// <summary>Loss of a step's patches, a scalar; a task whose loss is of more than the output says so here.</summary>
    /// <param name="batch">The patches, in CPU memory.</param>
    /// <param name="step">Steps learned before.</param>
    Tensor Loss(Batch batch, int step) =>
        Loss(Network.forward(batch.Input.to(Device)), batch.Target.to(Device));

    /// <summary>Called every hundred steps without gradients, the averaged weights in the network; true ends the run before its schedule does.</summary>
    /// <param name="step">Steps learned.</param>
    bool Observe(int step) => false;

    /// <summary>Called when the averaged weights are in the network: takes back what the loss, not the data, taught it.</summary>
    void Finish() { }

    /// <summary>A short figure on fixed held-out samples, for the log. Called without gradients, in evaluation mode.</summary>
    string Probe();
}
