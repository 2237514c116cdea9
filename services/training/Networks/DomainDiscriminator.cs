using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// The adversary: tells from several layers' maps which domain an image is of. Coarser maps are repeated and finer ones averaged to
/// half of the full resolution, concatenated, and seen by two 3³ convolutions of stride 2 and one 1³.
/// It has no normalisation: statistics over a batch of both domains would tell them apart.
/// </summary>
public sealed class DomainDiscriminator : Module<IReadOnlyList<Tensor>, Tensor>
{
    private readonly Conv3d _first;
    private readonly Conv3d _second;
    private readonly Conv3d _decide;

    /// <param name="maps">Channels of all the maps together.</param>
    /// <param name="width">Channels of the first convolution; the second has twice as many.</param>
    public DomainDiscriminator(int maps, int width = 16)
        : base(nameof(DomainDiscriminator))
    {
        _first = Conv3d(maps, width, 3, stride: 2, padding: 1L);
        _second = Conv3d(width, 2 * width, 3, stride: 2, padding: 1L);
        _decide = Conv3d(2 * width, 1, 1);
        RegisterComponents();
    }

    /// <summary>Logits that places are of the target, N×1×K×J×I, an eighth of the full resolution.</summary>
    /// <param name="maps">Of <see cref="StructureNet.ForwardWithMaps"/>: the last has the full resolution.</param>
    public override Tensor forward(IReadOnlyList<Tensor> maps)
    {
        using var scope = NewDisposeScope();
        var finest = functional.avg_pool3d(maps[^1], [2, 2, 2]);
        long[] size = [.. finest.shape[2..]];
        var all = maps.SkipLast(1)
            .Select(map => functional.interpolate(map, size, mode: InterpolationMode.Nearest))
            .Append(finest);
        var x = functional.leaky_relu(_first.forward(cat([.. all], 1)), 0.2);
        x = functional.leaky_relu(_second.forward(x), 0.2);
        return _decide.forward(x).MoveToOuterDisposeScope();
    }
}

/// <summary>The same forward, the opposite and scaled gradient backward (Ganin and Lempitsky 2015).</summary>
public static class GradientReversal
{
    /// <param name="x">Any tensor.</param>
    /// <param name="weight">α: the gradient of the result reaches <paramref name="x"/> times −α.</param>
    public static Tensor Of(Tensor x, double weight)
    {
        var constant = x.detach();
        return constant - weight * (x - constant);
    }
}
