using Platform.Training.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// Thick slices → the residual to add to their cubic B-spline interpolation (after Oktay et al., MICCAI 2016):
/// 3³ convolutions where the slices are thick, a learned deconvolution along k by the factor, one 3³ convolution where they are thin.
/// N×1×K×J×I → N×1×(factor·K)×J×I, or N×2×… where it also tells how far off it expects to be: the logarithm of the mean absolute error.
/// It has no normalisation layers, so tiles agree with the whole volume.
/// </summary>
public sealed class SuperResolutionNet : Module<Tensor, Tensor>
{
    private readonly Conv3d _first;
    private readonly List<(Conv3d First, Conv3d Second)> _pairs = [];
    private readonly ConvTranspose3d _deepen;
    private readonly Conv3d _last;

    /// <param name="width">Maps of the thick-slice layers.</param>
    /// <param name="pairs">Residual pairs of convolutions.</param>
    /// <param name="outputWidth">Maps after the deconvolution.</param>
    /// <param name="factor">Thin slices in each thick one.</param>
    /// <param name="uncertainty">Whether it has the second output.</param>
    public SuperResolutionNet(
        int width,
        int pairs,
        int outputWidth,
        int factor,
        bool uncertainty = false
    )
        : base(nameof(SuperResolutionNet))
    {
        _first = Add("first", Conv3d(1, width, 3, padding: 1L));
        for (var n = 0; n < pairs; n++)
        {
            _pairs.Add(
                (
                    Add($"pair{n}a", Conv3d(width, width, 3, padding: 1L)),
                    Add($"pair{n}b", Conv3d(width, width, 3, padding: 1L))
                )
            );
        }
        _deepen = ConvTranspose3d(width, outputWidth, (factor, 1, 1), stride: (factor, 1, 1));
        register_module("deepen", _deepen);
        _last = Add("last", Conv3d(outputWidth, uncertainty ? 2 : 1, 3, padding: 1L));
        using var none = no_grad();
        // The untrained network adds almost nothing: training starts at the interpolation.
        _last.weight.mul_(0.05);
        _last.bias!.zero_();

        Conv3d Add(string name, Conv3d layer)
        {
            register_module(name, layer);
            return layer;
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = functional.relu(_first.Convolve(input), inplace: true);
        foreach (var (first, second) in _pairs)
        {
            x = x + second.Convolve(functional.relu(first.Convolve(x), inplace: true));
        }
        x = functional.relu(_deepen.forward(x), inplace: true);
        return _last.Convolve(x).MoveToOuterDisposeScope();
    }

    /// <summary>The network as an ONNX model: "input" → "residual", its channels as above.</summary>
    public byte[] ToOnnx()
    {
        var graph = new OnnxGraph("super-resolution");
        var x = graph.Relu(graph.Convolution(OnnxGraph.Input, _first));
        foreach (var (first, second) in _pairs)
        {
            x = graph.Add(x, graph.Convolution(graph.Relu(graph.Convolution(x, first)), second));
        }
        x = graph.Relu(graph.Deconvolution(x, _deepen));
        return graph.Finish(graph.Convolution(x, _last), "residual", (int)_last.weight.shape[0]);
    }
}
