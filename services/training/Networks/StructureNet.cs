using Platform.Training.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// A 3D U-Net for a small budget: one narrow level at full resolution, most of the work at half and quarter resolution.
/// N×inputs×K×J×I → logits N×classes×K×J×I; K, J and I are multiples of 2^(widths − 1).
/// Batch normalisation has no per-image statistics at inference, so it folds into the convolutions and tiles agree with the whole volume.
/// </summary>
public sealed class StructureNet : Module<Tensor, Tensor>
{
    private readonly List<ConvBlock> _down = [];
    private readonly List<ConvBlock> _encode = [];
    private readonly List<UpBlock> _up = [];
    private readonly List<ConvBlock> _decode = [];
    private readonly Conv3d _classify;

    /// <param name="widths">Maps at each level, full resolution first.</param>
    /// <param name="outputWidth">Maps of the last full-resolution layer.</param>
    /// <param name="classes">Output channels, background included.</param>
    /// <param name="inputs">Input channels.</param>
    /// <param name="flatLevels">Above 0 for thick slices: resolution is halved within slices only, and this many levels, from full resolution on, look at each slice by itself.</param>
    public StructureNet(
        IReadOnlyList<int> widths,
        int outputWidth,
        int classes,
        int inputs = 1,
        int flatLevels = 0
    )
        : base(nameof(StructureNet))
    {
        var levels = widths.Count;
        for (var n = 0; n < levels; n++)
        {
            var slice = n < flatLevels;
            var half = n == 0 ? 1 : 2;
            var down = new ConvBlock(
                n == 0 ? inputs : widths[n - 1],
                widths[n],
                slice ? 1 : 3,
                flatLevels > 0 ? 1 : half,
                half
            );
            register_module($"down{n}", down);
            _down.Add(down);
            if (n > 0)
            {
                var encode = new ConvBlock(widths[n], widths[n], slice ? 1 : 3, 1, 1);
                register_module($"encode{n}", encode);
                _encode.Add(encode);
            }
        }
        for (var n = levels - 2; n >= 0; n--)
        {
            var up = new UpBlock(widths[n + 1], widths[n], flatLevels > 0 ? 1 : 2);
            register_module($"up{n}", up);
            _up.Add(up);
            var decode = new ConvBlock(
                2 * widths[n],
                n == 0 ? outputWidth : widths[n],
                n < flatLevels ? 1 : 3,
                1,
                1
            );
            register_module($"decode{n}", decode);
            _decode.Add(decode);
        }
        _classify = Conv3d(outputWidth, classes, 1);
        register_module("classify", _classify);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return ForwardWithMaps(input).Logits.MoveToOuterDisposeScope();
    }

    /// <summary>Logits, and the maps of <see cref="MapWidths"/>: of the coarsest level, then of each decoder, full resolution last.</summary>
    public (Tensor Logits, IReadOnlyList<Tensor> Maps) ForwardWithMaps(Tensor input)
    {
        using var scope = NewDisposeScope();
        var skips = new Stack<Tensor>();
        var x = _down[0].forward(input);
        for (var n = 1; n < _down.Count; n++)
        {
            skips.Push(x);
            x = _encode[n - 1].forward(_down[n].forward(x));
        }
        List<Tensor> maps = [x.MoveToOuterDisposeScope()];
        for (var n = 0; n < _up.Count; n++)
        {
            x = _decode[n].forward(cat([_up[n].forward(x), skips.Pop()], 1));
            maps.Add(x.MoveToOuterDisposeScope());
        }
        return (_classify.forward(x).MoveToOuterDisposeScope(), maps);
    }

    /// <summary>Channels of the maps that <see cref="ForwardWithMaps"/> gives.</summary>
    public IReadOnlyList<int> MapWidths =>
        [
            (int)_down[^1].Convolution.weight.shape[0],
            .. _decode.Select(block => (int)block.Convolution.weight.shape[0]),
        ];

    /// <summary>Voxels of the full resolution that an output voxel sees to each side (within a slice, where levels are flat): two 3³ convolutions a level on the way down, one on the way up.</summary>
    public int Reach => (1 << (_down.Count + 1)) - 3;

    /// <summary>Adds a constant to the logits of each class.</summary>
    public void Shift(float[] logits)
    {
        using var none = no_grad();
        using var shift = tensor(logits, device: _classify.bias!.device);
        _classify.bias!.add_(shift);
    }

    /// <summary>Takes the weights of a package that <see cref="ToOnnx"/> made of a network of the same widths: the normalisations then do nothing but shift.</summary>
    /// <exception cref="InvalidDataException">Another number of layers, or a layer of another shape.</exception>
    public void Take(IReadOnlyList<ConvolutionWeights> weights)
    {
        using var none = no_grad();
        List<ConvBlock> blocks = [_down[0]];
        for (var n = 1; n < _down.Count; n++)
        {
            blocks.AddRange([_down[n], _encode[n - 1]]);
        }
        var layers = blocks.Select(Folded).ToList();
        for (var n = 0; n < _up.Count; n++)
        {
            var up = _up[n].Deconvolution;
            layers.AddRange([(up.weight, up.bias!), Folded(_decode[n])]);
        }
        layers.Add((_classify.weight, _classify.bias!));
        if (layers.Count != weights.Count)
        {
            throw new InvalidDataException(
                $"the package has {weights.Count} layers, the network of the recipe {layers.Count}"
            );
        }
        foreach (var ((kernel, bias), given) in layers.Zip(weights))
        {
            if (!kernel.shape.SequenceEqual(given.Kernel.shape))
            {
                throw new InvalidDataException(
                    $"the package has a layer of {string.Join('×', given.Kernel.shape)} where the network of the recipe has {string.Join('×', kernel.shape)}"
                );
            }
            kernel.copy_(given.Kernel);
            bias.copy_(given.Bias);
        }

        static (Tensor, Tensor) Folded(ConvBlock block)
        {
            var normalisation = block.Normalisation;
            normalisation.weight!.fill_(1);
            normalisation.running_mean!.zero_();
            normalisation.running_var!.fill_(1 - normalisation.eps);
            return (block.Convolution.weight, normalisation.bias!);
        }
    }

    /// <summary>The network as an ONNX model, normalisation folded into the convolutions: "input" → "logits".</summary>
    public byte[] ToOnnx()
    {
        var graph = new OnnxGraph("structures");
        var skips = new Stack<string>();
        var x = graph.Block(OnnxGraph.Input, _down[0]);
        for (var n = 1; n < _down.Count; n++)
        {
            skips.Push(x);
            x = graph.Block(graph.Block(x, _down[n]), _encode[n - 1]);
        }
        for (var n = 0; n < _up.Count; n++)
        {
            var up = graph.Deconvolution(x, _up[n].Deconvolution);
            x = graph.Block(graph.Concatenate(up, skips.Pop()), _decode[n]);
        }
        return graph.Finish(
            graph.Convolution(x, _classify),
            "logits",
            (int)_classify.weight.shape[0],
            (int)_down[0].Convolution.weight.shape[1]
        );
    }
}

/// <summary>3³ convolution, or 3² within slices → batch normalisation → ReLU.</summary>
public sealed class ConvBlock : Module<Tensor, Tensor>
{
    /// <summary>The convolution; it has no bias, the normalisation shifts.</summary>
    public Conv3d Convolution { get; }

    /// <summary>The normalisation.</summary>
    public BatchNorm3d Normalisation { get; }

    /// <param name="input">Maps in.</param>
    /// <param name="output">Maps out.</param>
    /// <param name="depth">Slices a kernel sees: 1 or 3.</param>
    /// <param name="depthStride">1, or 2 to halve the number of slices.</param>
    /// <param name="stride">1, or 2 to halve the resolution within slices.</param>
    public ConvBlock(int input, int output, int depth, int depthStride, int stride)
        : base(nameof(ConvBlock))
    {
        Convolution = Conv3d(
            input,
            output,
            (depth, 3, 3),
            stride: (depthStride, stride, stride),
            padding: (depth / 2, 1, 1),
            bias: false
        );
        Normalisation = BatchNorm3d(output, momentum: 0.05);
        RegisterComponents();
    }

    /// <param name="input">Maps in.</param>
    /// <param name="output">Maps out.</param>
    /// <param name="stride">1, or 2 to halve the resolution along every axis.</param>
    public ConvBlock(int input, int output, int stride)
        : this(input, output, 3, stride, stride) { }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return functional
            .relu(Normalisation.forward(Convolution.Convolve(input)), inplace: true)
            .MoveToOuterDisposeScope();
    }
}

/// <summary>Doubles the resolution: a learned deconvolution whose kernel is its stride, 2³ or 1×2².</summary>
public sealed class UpBlock : Module<Tensor, Tensor>
{
    /// <summary>The deconvolution.</summary>
    public ConvTranspose3d Deconvolution { get; }

    /// <param name="input">Maps in.</param>
    /// <param name="output">Maps out.</param>
    /// <param name="depth">2, or 1 to leave the number of slices.</param>
    public UpBlock(int input, int output, int depth = 2)
        : base(nameof(UpBlock))
    {
        Deconvolution = ConvTranspose3d(input, output, (depth, 2, 2), stride: (depth, 2, 2));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Deconvolution.forward(input);
}
