using Platform.Training.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// DeepMedic with residual connections (Kamnitsas et al., Medical Image Analysis 2017; BrainLes 2016): two pathways of valid 3³ convolutions,
/// one over every voxel, one over every third, joined in a classifier of a 3³ and two 1³ convolutions.
/// N×inputs×K×J×I → logits N×classes×(K − 2·<see cref="Halo"/>)×…; K, J and I are multiples of <see cref="Factor"/>, at least 2·Halo + Factor.
/// The third voxels are those in the middle of each cube of 3³ counted from the input's corner: tiles start at multiples of 3 of one grid.
/// Normalisation → PReLU → dropout → convolution; the first convolution of a pathway has neither of them.
/// </summary>
public sealed class DeepMedic : Module<Tensor, Tensor>
{
    /// <summary>Voxels of the input for one of the low-resolution pathway, along each axis.</summary>
    public const int Factor = 3;

    /// <summary>Voxels of the input on each side of the output.</summary>
    public const int Halo = 27;

    /// <summary>Convolutions of a pathway: each takes one voxel off each side.</summary>
    private const int Layers = 8;

    /// <summary>What the normal pathway does not see of the halo: eight voxels for its layers, one for the classifier.</summary>
    private const int NormalCrop = Halo - Layers - 1;

    /// <summary>What the low-resolution maps, repeated, have beyond those of the normal pathway on each side.</summary>
    private const int LowCrop = Halo - Factor * Layers - 1;

    private readonly Pathway _normal;
    private readonly Pathway _low;
    private readonly ActivatedConvolution _join;
    private readonly ActivatedConvolution _hidden;
    private readonly ActivatedConvolution _classify;

    /// <param name="widths">Maps of the eight layers of each pathway; the original has 30, 30, 40, 40, 40, 40, 50, 50.</param>
    /// <param name="hidden">Maps of the classifier's two hidden layers; the original has 150. At least those of both pathways together.</param>
    /// <param name="classes">Output channels, background included.</param>
    /// <param name="inputs">Input channels.</param>
    /// <exception cref="InvalidDataException">Not eight widths, or fewer maps after a residual connection than before it.</exception>
    public DeepMedic(IReadOnlyList<int> widths, int hidden, int classes, int inputs)
        : base(nameof(DeepMedic))
    {
        if (
            widths.Count != Layers
            || widths.Zip(widths.Skip(1)).Any(pair => pair.Second < pair.First)
        )
        {
            throw new InvalidDataException(
                $"network.widths [{string.Join(", ", widths)}]: DeepMedic has {Layers}, none less than the one before"
            );
        }
        if (hidden < 2 * widths[^1])
        {
            throw new InvalidDataException(
                $"network.outputWidth {hidden}: at least twice the last of network.widths, {2 * widths[^1]}"
            );
        }
        _normal = new Pathway(widths, inputs);
        _low = new Pathway(widths, inputs);
        _join = new ActivatedConvolution(2 * widths[^1], hidden, 3, 0);
        _hidden = new ActivatedConvolution(hidden, hidden, 1, 0.5);
        _classify = new ActivatedConvolution(hidden, classes, 1, 0.5);
        RegisterComponents();
        foreach (var layer in modules().OfType<Conv3d>())
        {
            init.kaiming_normal_(layer.weight, 0.01);
            init.zeros_(layer.bias!);
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var normal = _normal.forward(Residual.Crop(input, NormalCrop));
        var sampled = input;
        for (var axis = 2; axis < 5; axis++)
        {
            sampled = sampled.slice(axis, Factor / 2, sampled.shape[axis], Factor);
        }
        var low = _low.forward(sampled);
        for (var axis = 2; axis < 5; axis++)
        {
            low = low.repeat_interleave(Factor, axis);
        }
        var both = cat([normal, Residual.Crop(low, LowCrop)], 1);
        var x = _hidden.forward(_join.forward(both));
        x = x + Residual.Fit(Residual.Crop(both, 1), x.shape[1]);
        return _classify.forward(x).MoveToOuterDisposeScope();
    }

    /// <summary>Adds a constant to the logits of each class.</summary>
    public void Shift(float[] logits)
    {
        using var none = no_grad();
        using var shift = tensor(logits, device: _classify.Convolution.bias!.device);
        _classify.Convolution.bias!.add_(shift);
    }

    /// <summary>The network as an ONNX model: "input" → "logits". A normalisation that alone follows a convolution is folded into it.</summary>
    public byte[] ToOnnx()
    {
        var graph = new OnnxGraph("deepmedic", halfPrecision: false);
        var normal = _normal.Export(graph, graph.Crop(OnnxGraph.Input, NormalCrop));
        var low = _low.Export(graph, graph.Stride(OnnxGraph.Input, Factor / 2, Factor));
        low = graph.Crop(graph.Repeat(low, Factor), LowCrop);
        var both = graph.Concatenate(normal, low);
        var x = graph.Activate(both, _join.Normalisation, _join.Activation);
        x = graph.Convolution(x, _join.Convolution, _hidden.Normalisation);
        x = graph.Convolution(graph.Activate(x, null, _hidden.Activation), _hidden.Convolution);
        var more = (int)(_hidden.Convolution.weight.shape[0] - _join.Convolution.weight.shape[1]);
        x = graph.Add(x, graph.PadChannels(graph.Crop(both, 1), more));
        x = graph.Activate(x, _classify.Normalisation, _classify.Activation);
        return graph.Finish(
            graph.Convolution(x, _classify.Convolution),
            "logits",
            (int)_classify.Convolution.weight.shape[0],
            _normal.Inputs
        );
    }
}

/// <summary>Eight valid 3³ convolutions; the maps two layers before are added to the fourth, sixth and eighth.</summary>
public sealed class Pathway : Module<Tensor, Tensor>
{
    private readonly Conv3d _first;
    private readonly List<ActivatedConvolution> _rest = [];

    /// <param name="widths">Maps of each layer.</param>
    /// <param name="inputs">Input channels.</param>
    public Pathway(IReadOnlyList<int> widths, int inputs)
        : base(nameof(Pathway))
    {
        _first = Conv3d(inputs, widths[0], 3);
        register_module("layer1", _first);
        for (var n = 1; n < widths.Count; n++)
        {
            var layer = new ActivatedConvolution(widths[n - 1], widths[n], 3, 0);
            register_module($"layer{n + 1}", layer);
            _rest.Add(layer);
        }
    }

    /// <summary>Input channels.</summary>
    public int Inputs => (int)_first.weight.shape[1];

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _rest[0].forward(_first.Convolve(input));
        for (var n = 1; n < _rest.Count; n += 2)
        {
            var deeper = _rest[n + 1].forward(_rest[n].forward(x));
            x = deeper + Residual.Fit(Residual.Crop(x, 2), deeper.shape[1]);
        }
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>Adds the pathway to a graph.</summary>
    public string Export(OnnxGraph graph, string input)
    {
        var x = graph.Convolution(input, _first, _rest[0].Normalisation);
        x = graph.Convolution(graph.Activate(x, null, _rest[0].Activation), _rest[0].Convolution);
        for (var n = 1; n < _rest.Count; n += 2)
        {
            var (first, second) = (_rest[n], _rest[n + 1]);
            var deeper = graph.Activate(x, first.Normalisation, first.Activation);
            deeper = graph.Convolution(deeper, first.Convolution, second.Normalisation);
            deeper = graph.Activate(deeper, null, second.Activation);
            deeper = graph.Convolution(deeper, second.Convolution);
            var more = second.Convolution.weight.shape[0] - first.Convolution.weight.shape[1];
            x = graph.Add(deeper, graph.PadChannels(graph.Crop(x, 2), (int)more));
        }
        return x;
    }
}

/// <summary>Batch normalisation → PReLU → dropout → valid convolution.</summary>
public sealed class ActivatedConvolution : Module<Tensor, Tensor>
{
    /// <summary>The normalisation: the last 60 batches weigh as DeepMedic's do.</summary>
    public BatchNorm3d Normalisation { get; }

    /// <summary>The activation, a slope a map.</summary>
    public PReLU Activation { get; }

    /// <summary>The convolution.</summary>
    public Conv3d Convolution { get; }

    private readonly double _dropout;

    /// <param name="input">Maps in.</param>
    /// <param name="output">Maps out.</param>
    /// <param name="kernel">Voxels of the kernel along each axis.</param>
    /// <param name="dropout">Fraction of the values set to zero in training.</param>
    public ActivatedConvolution(int input, int output, int kernel, double dropout)
        : base(nameof(ActivatedConvolution))
    {
        Normalisation = BatchNorm3d(input, momentum: 1 / 60.0);
        Activation = PReLU(input, 0.01);
        Convolution = Conv3d(input, output, kernel);
        _dropout = dropout;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Activation.forward(Normalisation.forward(input));
        x = functional.dropout(x, _dropout, training && _dropout > 0);
        return Convolution.Convolve(x).MoveToOuterDisposeScope();
    }
}

/// <summary>What makes earlier maps fit later ones.</summary>
internal static class Residual
{
    /// <summary>Without some voxels on each side.</summary>
    public static Tensor Crop(Tensor maps, long voxels) =>
        maps.slice(2, voxels, maps.shape[2] - voxels, 1)
            .slice(3, voxels, maps.shape[3] - voxels, 1)
            .slice(4, voxels, maps.shape[4] - voxels, 1);

    /// <summary>With as many maps as asked for, the new ones zero.</summary>
    public static Tensor Fit(Tensor maps, long count) =>
        count == maps.shape[1]
            ? maps
            : functional.pad(
                maps,
                [0, 0, 0, 0, 0, 0, 0, count - maps.shape[1]],
                PaddingModes.Constant,
                0
            );
}
