using Platform.Training.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>
/// Image and proposed labels → the Dice each structure would have with the truth (direct regression: Robinson et al., MICCAI 2018). The labels are
/// painted with the mean intensity of each structure: where they are right, the painting looks like the image. A U-Net that begins at half resolution
/// sees image, painting and where there are labels, but not which, so that all structures teach it the same; it is taught, too, which voxels are labelled
/// wrongly. Its maps are averaged inside each structure and around it, and a small head, the same for every structure but for its offsets, reads the
/// Dice from the averages. Normalisation is frozen for most of the training: one by image would take away how much is wrong where all is wrong alike.
/// N×2×K×J×I (normalised intensity, label value) → N×structures×1×1×1; K, J and I are multiples of 2^widths. While it is trained, the structures are
/// followed by the voxels of the half resolution, i fastest: the logit of the share that is labelled wrongly.
/// </summary>
public sealed class QualityNet : Module<Tensor, Tensor>
{
    /// <summary>"Around" is what the mask reaches in one voxel of the quarter resolution, one axis after the other.</summary>
    private static readonly long[][] Boxes =
    [
        [3, 1, 1],
        [1, 3, 1],
        [1, 1, 3],
    ];

    /// <summary>Keeps the average of nothing finite; in voxels.</summary>
    private const double Least = 1e-3;

    /// <summary>K, J and I.</summary>
    private static readonly long[] Space = [2, 3, 4];

    private readonly List<ConvBlock> _down = [];
    private readonly List<ConvBlock> _encode = [];
    private readonly List<UpBlock> _up = [];
    private readonly List<ConvBlock> _decode = [];
    private readonly Conv3d _wrong;
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
        _wrong = Conv3d(_maps, 1, 1);
        register_module("wrong", _wrong);
        // Told by name from here on: moving the module to a GPU makes new tensors.
        register_buffer(
            "values",
            tensor([.. values.Select(value => (float)value)]).reshape(1, -1, 1, 1, 1)
        );
        register_buffer("order", tensor(Order(values)));
        // Of the maps and of what is wrong.
        var averages = 2 * (_maps + 1) + 2;
        register_parameter("hidden", new(randn(averages, hidden) / Math.Sqrt(averages)));
        register_parameter("offsets", new(zeros(values.Count, hidden)));
        register_parameter("dice", new(randn(hidden, 1) / Math.Sqrt(hidden)));
        register_parameter("bias", new(zeros(1)));

        ConvBlock Add(string name, ConvBlock block)
        {
            register_module(name, block);
            return block;
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (x, inside, around) = Painted(input);
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
        var wrong = _wrong.forward(x);
        x = cat([x, wrong.sigmoid()], 1);
        var (inAverage, size) = Average(inside, x);
        var (aroundAverage, aroundSize) = Average(
            around,
            functional.avg_pool3d(x, [2, 2, 2], [2, 2, 2])
        );
        var averages = cat([inAverage, aroundAverage, (size + 1).log(), (aroundSize + 1).log()], 2);
        var hidden = functional.relu(averages.matmul(Weight("hidden")) + Weight("offsets"));
        var dice = (hidden.matmul(Weight("dice")) + Weight("bias")).sigmoid();
        return (training ? cat([dice, wrong.reshape(input.shape[0], -1, 1)], 1) : dice)
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
        x = graph.Concatenate(x, graph.Sigmoid(graph.Convolution(x, _wrong)));
        var inside = graph.AveragePool(masks, 2);
        var quarter = graph.AveragePool(inside, 2);
        var around = graph.Subtract(Boxes.Aggregate(quarter, graph.MaxPool), quarter);
        var (inAverage, size) = Average(inside, x);
        var (aroundAverage, aroundSize) = Average(around, graph.AveragePool(x, 2));
        var averages = graph.Concatenate(
            graph.Concatenate(inAverage, aroundAverage, axis: 2),
            graph.Concatenate(Logarithm(size), Logarithm(aroundSize), axis: 2),
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

        (string Average, string Size) Average(string weights, string maps)
        {
            weights = graph.Reshape(weights, 0, _structures, -1);
            maps = graph.Transpose(graph.Reshape(maps, 0, _maps + 1, -1), 0, 2, 1);
            var size = graph.Sum(weights, 2);
            return (graph.Divide(graph.MatrixProduct(weights, maps), graph.Add(size, least)), size);
        }

        string Logarithm(string size) => graph.Log(graph.Add(size, graph.Constant(ones(1))));
    }

    /// <summary>By label value, the structure's position; the number of structures where there is none.</summary>
    private static long[] Order(IReadOnlyList<int> values)
    {
        var order = Enumerable.Repeat((long)values.Count, 256).ToArray();
        for (var n = 0; n < values.Count; n++)
        {
            order[values[n]] = n;
        }
        return order;
    }

    /// <summary>Image, painting and where there are labels; then each structure's share of the voxels of the half resolution, and what lies around it at the quarter.</summary>
    private (Tensor Input, Tensor Inside, Tensor Around) Painted(Tensor input)
    {
        // Sums by index: with a mask a structure, these would take several times as long as the network.
        using var none = no_grad();
        var (n, k, j, i) = (input.shape[0], input.shape[2], input.shape[3], input.shape[4]);
        var image = input.slice(1, 0, 1, 1);
        var flat = image.flatten(1);
        var structure = get_buffer("order")![input.slice(1, 1, 2, 1).flatten(1).to(int64)];
        var sums = zeros(n, _structures + 1, device: input.device).scatter_add(1, structure, flat);
        var counts = zeros_like(sums).scatter_add(1, structure, ones_like(flat));
        var means = sums / (counts + Least);
        means[TensorIndex.Ellipsis, _structures] = 0;
        var painting = means.gather(1, structure).reshape(image.shape);
        var labelled = (structure < _structures).to(float32).reshape(image.shape);

        var half = k / 2 * (j / 2) * (i / 2);
        var cell = (Halves(k) * (j / 2)).reshape(-1, 1, 1) + Halves(j).reshape(-1, 1);
        cell = (cell * (i / 2) + Halves(i)).reshape(1, -1);
        var inside = zeros(n, (_structures + 1) * half, device: input.device)
            .scatter_add(1, structure * half + cell, full_like(flat, 1 / 8.0))
            .reshape(n, _structures + 1, k / 2, j / 2, i / 2)
            .slice(1, 0, _structures, 1);
        var quarter = functional.avg_pool3d(inside, [2, 2, 2], [2, 2, 2]);
        var around = Boxes.Aggregate(
            quarter,
            (wide, box) =>
                functional.max_pool3d(
                    wide,
                    box,
                    strides: [1, 1, 1],
                    padding: [.. box.Select(size => size / 2)]
                )
        );
        return (cat([image, painting, labelled], 1), inside, around - quarter);

        Tensor Halves(long size) =>
            arange(size, dtype: int64, device: input.device).div(2, RoundingMode.floor);
    }

    private Parameter Weight(string name) => get_parameter(name)!;

    /// <summary>Weighted averages of maps.</summary>
    /// <param name="weights">N×structures×K×J×I.</param>
    /// <param name="maps">N×maps×K×J×I.</param>
    /// <returns>N×structures×maps, and the sum of weights N×structures×1.</returns>
    private static (Tensor Average, Tensor Size) Average(Tensor weights, Tensor maps)
    {
        weights = weights.flatten(2);
        var size = weights.sum(2, keepdim: true);
        return (weights.bmm(maps.flatten(2).transpose(1, 2)) / (size + Least), size);
    }
}
