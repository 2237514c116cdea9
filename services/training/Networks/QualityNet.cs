using Platform.Training.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// Image and proposed labels → the Dice each structure would have with the truth (direct regression: Robinson et al., MICCAI 2018). The labels are
/// painted with the mean intensity of each structure: where they are right, the painting looks like the image. A U-Net that begins at half resolution
/// sees image, painting and where there are labels, but not which, so that all structures teach it the same. Its maps are averaged inside each structure
/// and around it, and a small head, the same for every structure but for its offsets, reads the Dice from the averages.
/// Each map is normalised over the image it is of, which is never cut in tiles: training and inference see the same.
/// N×2×K×J×I (normalised intensity, label value) → N×structures×1×1×1; K, J and I are multiples of 2^widths.
/// </summary>
public sealed class QualityNet : Module<Tensor, Tensor>
{
    /// <summary>"Around" is what the mask reaches in two voxels of the half resolution, one axis after the other: a cube is 8 times as slow.</summary>
    private static readonly long[][] Boxes =
    [
        [5, 1, 1],
        [1, 5, 1],
        [1, 1, 5],
    ];

    /// <summary>Keeps the average of nothing finite; in voxels.</summary>
    private const double Least = 1e-3;

    /// <summary>K, J and I.</summary>
    private static readonly long[] Space = [2, 3, 4];

    private readonly List<InstanceBlock> _down = [];
    private readonly List<InstanceBlock> _encode = [];
    private readonly List<UpBlock> _up = [];
    private readonly List<InstanceBlock> _decode = [];
    private readonly int _maps;
    private readonly int _structures;

    /// <param name="widths">Maps at each level, half resolution first.</param>
    /// <param name="hidden">Numbers between averages and Dice.</param>
    /// <param name="values">The label value of each structure, in the order of the output.</param>
    public QualityNet(IReadOnlyList<int> widths, int hidden, IReadOnlyList<int> values)
        : base(nameof(QualityNet))
    {
        (_maps, _structures) = (widths[0], values.Count);
        for (var n = 0; n < widths.Count; n++)
        {
            _down.Add(Add($"down{n}", new(n == 0 ? 3 : widths[n - 1], widths[n], 2)));
            _encode.Add(Add($"encode{n}", new(widths[n], widths[n], 1)));
        }
        for (var n = widths.Count - 2; n >= 0; n--)
        {
            var up = new UpBlock(widths[n + 1], widths[n]);
            register_module($"up{n}", up);
            _up.Add(up);
            _decode.Add(Add($"decode{n}", new(2 * widths[n], widths[n], 1)));
        }
        // Told by name from here on: moving the module to a GPU makes new tensors.
        register_buffer(
            "values",
            tensor([.. values.Select(value => (float)value)]).reshape(1, -1, 1, 1, 1)
        );
        var averages = 2 * _maps + 1;
        register_parameter("hidden", new(randn(averages, hidden) / Math.Sqrt(averages)));
        register_parameter("offsets", new(zeros(values.Count, hidden)));
        register_parameter("dice", new(randn(hidden, 1) / Math.Sqrt(hidden)));
        register_parameter("bias", new(zeros(1)));

        InstanceBlock Add(string name, InstanceBlock block)
        {
            register_module(name, block);
            return block;
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var image = input.slice(1, 0, 1, 1);
        var masks = input.slice(1, 1, 2, 1).eq(get_buffer("values")!).to(float32);
        // Two products instead of one mask after the other: the masks are by far the largest tensor.
        var flat = masks.flatten(2);
        var means =
            flat.bmm(image.flatten(2).transpose(1, 2)) / (flat.sum(2, keepdim: true) + Least);
        var painted = cat([means, ones_like(means)], 2).transpose(1, 2).bmm(flat);
        var x = cat(
            [
                image,
                painted.reshape(image.shape[0], 2, image.shape[2], image.shape[3], image.shape[4]),
            ],
            1
        );
        var skips = new Stack<Tensor>();
        for (var n = 0; n < _down.Count; n++)
        {
            x = _encode[n].forward(_down[n].forward(x));
            skips.Push(x);
        }
        skips.Pop();
        for (var n = 0; n < _up.Count; n++)
        {
            x = _decode[n].forward(cat([_up[n].forward(x), skips.Pop()], 1));
        }
        var inside = functional.avg_pool3d(masks, [2, 2, 2], [2, 2, 2]);
        var around = Boxes.Aggregate(
            inside,
            (wide, box) =>
                functional.max_pool3d(
                    wide,
                    box,
                    strides: [1, 1, 1],
                    padding: [.. box.Select(size => size / 2)]
                )
        );
        around -= inside;
        x = x.flatten(2).transpose(1, 2);
        var (inAverage, size) = Average(inside, x);
        var (aroundAverage, _) = Average(around, x);
        var averages = cat([inAverage, aroundAverage, (size + 1).log()], 2);
        var hidden = functional.relu(averages.matmul(Weight("hidden")) + Weight("offsets"));
        return (hidden.matmul(Weight("dice")) + Weight("bias"))
            .sigmoid()
            .reshape(input.shape[0], -1, 1, 1, 1)
            .MoveToOuterDisposeScope();
    }

    /// <summary>The network as an ONNX model, normalisation folded into the convolutions: "input" → "dice".</summary>
    public byte[] ToOnnx()
    {
        var graph = new OnnxGraph("quality");
        var image = graph.Channel(OnnxGraph.Input, 0);
        var masks = graph.Equal(graph.Channel(OnnxGraph.Input, 1), get_buffer("values")!);
        var least = graph.Constant(full(1, Least));
        var means = graph.Divide(
            graph.Sum(graph.Multiply(masks, image), Space),
            graph.Add(graph.Sum(masks, Space), least)
        );
        var painting = graph.Sum(graph.Multiply(masks, means), 1);
        var x = graph.Concatenate(graph.Concatenate(image, painting), graph.Sum(masks, 1));
        var skips = new Stack<string>();
        for (var n = 0; n < _down.Count; n++)
        {
            x = graph.Block(graph.Block(x, _down[n]), _encode[n]);
            skips.Push(x);
        }
        skips.Pop();
        for (var n = 0; n < _up.Count; n++)
        {
            var up = graph.Deconvolution(x, _up[n].Deconvolution);
            x = graph.Block(graph.Concatenate(up, skips.Pop()), _decode[n]);
        }
        var inside = graph.AveragePool(masks, 2);
        var around = graph.Subtract(Boxes.Aggregate(inside, graph.MaxPool), inside);
        x = graph.Transpose(graph.Reshape(x, 0, _maps, -1), 0, 2, 1);
        var (inAverage, size) = Average(inside);
        var (aroundAverage, _) = Average(around);
        var averages = graph.Concatenate(
            graph.Concatenate(inAverage, aroundAverage, axis: 2),
            graph.Log(graph.Add(size, graph.Constant(ones(1)))),
            axis: 2
        );
        var hidden = graph.Relu(
            graph.Add(
                graph.MatrixProduct(averages, graph.Constant(Weight("hidden"))),
                graph.Constant(Weight("offsets"))
            )
        );
        var logits = graph.Add(
            graph.MatrixProduct(hidden, graph.Constant(Weight("dice"))),
            graph.Constant(Weight("bias"))
        );
        return graph.Finish(
            graph.Reshape(graph.Sigmoid(logits), 0, _structures, 1, 1, 1),
            "dice",
            _structures,
            inputs: 2
        );

        (string Average, string Size) Average(string weights)
        {
            weights = graph.Reshape(weights, 0, _structures, -1);
            var size = graph.Sum(weights, 2);
            return (graph.Divide(graph.MatrixProduct(weights, x), graph.Add(size, least)), size);
        }
    }

    private Parameter Weight(string name) => get_parameter(name)!;

    /// <summary>Weighted averages of maps.</summary>
    /// <param name="weights">N×structures×K×J×I.</param>
    /// <param name="maps">N×voxels×maps.</param>
    /// <returns>N×structures×maps, and the sum of weights N×structures×1.</returns>
    private static (Tensor Average, Tensor Size) Average(Tensor weights, Tensor maps)
    {
        weights = weights.flatten(2);
        var size = weights.sum(2, keepdim: true);
        return (weights.bmm(maps) / (size + Least), size);
    }
}

/// <summary>3³ convolution → instance normalisation → ReLU.</summary>
public sealed class InstanceBlock : Module<Tensor, Tensor>
{
    /// <summary>The convolution; it has no bias, the normalisation shifts.</summary>
    public Conv3d Convolution { get; }

    /// <summary>The normalisation, with a learned scale and shift.</summary>
    public InstanceNorm3d Normalisation { get; }

    /// <param name="input">Maps in.</param>
    /// <param name="output">Maps out.</param>
    /// <param name="stride">1, or 2 to halve the resolution.</param>
    public InstanceBlock(int input, int output, int stride)
        : base(nameof(InstanceBlock))
    {
        Convolution = Conv3d(input, output, 3, stride: stride, padding: 1L, bias: false);
        Normalisation = InstanceNorm3d(output, affine: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return functional
            .relu(Normalisation.forward(Convolution.forward(input)), inplace: true)
            .MoveToOuterDisposeScope();
    }
}
