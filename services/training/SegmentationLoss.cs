using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>What segmentation networks are trained by: weighted cross-entropy plus soft Dice over the classes a batch shows.</summary>
public static class SegmentationLoss
{
    /// <summary>The loss, a scalar.</summary>
    /// <param name="output">Logits, N×classes×K×J×I.</param>
    /// <param name="target">Classes, N×K×J×I.</param>
    public static Tensor Of(Tensor output, Tensor target)
    {
        using var scope = NewDisposeScope();
        var log = nn.functional.log_softmax(output, 1);
        var probability = log.exp();
        var index = target.to(int64).unsqueeze(1);
        var truth = zeros_like(probability).scatter_(1, index, ones_like(index).to(float32));
        long[] space = [0, 2, 3, 4];
        var size = truth.sum(space);
        var present = (size > 0).to(float32);
        // Weights fall with the root of a structure's size: Dice alone has no gradient while a small structure's probability is near zero.
        var weight = present / (size + 20).sqrt();
        var entropy = -((truth * log).sum(space) * weight).sum() / (weight * size).sum();
        var dice = (2 * (probability * truth).sum(space) + 1) / (probability.sum(space) + size + 1);
        var loss = entropy + 1 - (dice * present).sum() / present.sum();
        return loss.MoveToOuterDisposeScope();
    }
}
