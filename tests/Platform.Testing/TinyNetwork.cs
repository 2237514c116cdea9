using System.Runtime.InteropServices;
using System.Text;

namespace Platform.Testing;

/// <summary>
/// Builds small ONNX networks (IR 8, opset 17) for tests: the protobuf fields of the ONNX specification, written by number.
/// One input "input" (1×C×K×J×I) and one output, both of free size. Weights come from a seed.
/// </summary>
public sealed class TinyNetwork(int seed = 1)
{
    private readonly Random _random = new(seed);
    private readonly List<byte[]> _nodes = [];
    private readonly List<byte[]> _initializers = [];
    private int _tensors;

    /// <summary>Logits (−x + threshold, x − threshold): label 1 where the normalised intensity is above the threshold.</summary>
    public static byte[] Threshold(float threshold = 0)
    {
        var net = new TinyNetwork();
        var logits = net.Conv("input", 1, 2, 1, 0, [-1, 1], [threshold, -threshold]);
        return net.Build(logits, 2);
    }

    /// <summary>Three 3³ convolutions with random weights; padding or not. Its receptive field reaches 3 voxels.</summary>
    public static byte[] Convolutions(int channels, bool padded)
    {
        var net = new TinyNetwork();
        var pad = padded ? 1 : 0;
        var x = net.Relu(net.Conv("input", 1, 4, 3, pad));
        x = net.Relu(net.Conv(x, 4, 4, 3, pad));
        return net.Build(net.Conv(x, 4, channels, 3, pad), channels);
    }

    /// <summary>A one-level U-Net: convolution, pooling by 2, convolution, transposed convolution, skip. Sizes must be even; it reaches 5 voxels.</summary>
    public static byte[] UNet(int channels)
    {
        var net = new TinyNetwork();
        var skip = net.Relu(net.Conv("input", 1, 4, 3, 1));
        var low = net.Node(
            "MaxPool",
            [skip],
            Ints("kernel_shape", 2, 2, 2),
            Ints("strides", 2, 2, 2)
        );
        low = net.Relu(net.Conv(low, 4, 4, 3, 1));
        var up = net.Node(
            "ConvTranspose",
            [low, net.Weights([4, 4, 2, 2, 2])],
            Ints("kernel_shape", 2, 2, 2),
            Ints("strides", 2, 2, 2)
        );
        var joined = net.Node("Concat", [skip, up], Int("axis", 1));
        return net.Build(net.Conv(joined, 8, channels, 3, 1), channels);
    }

    /// <summary>Label 1 where the sum of two channels is above a threshold.</summary>
    public static byte[] ThresholdOfSum(float threshold)
    {
        var net = new TinyNetwork();
        var logits = net.Conv("input", 2, 2, 1, 0, [-1, -1, 1, 1], [threshold, -threshold]);
        return net.Build(logits, 2, inputs: 2);
    }

    /// <summary>Residual of through-plane super-resolution: slice k gives <paramref name="weights"/>[f]·x at slice k·F + f.</summary>
    public static byte[] Slices(params float[] weights)
    {
        var net = new TinyNetwork();
        var residual = net.Node(
            "ConvTranspose",
            ["input", net.Tensor([1, 1, weights.Length, 1, 1], weights)],
            Ints("kernel_shape", weights.Length, 1, 1),
            Ints("strides", weights.Length, 1, 1)
        );
        return net.Build(residual, 1);
    }

    /// <summary>Super-resolution that adds nothing and expects the same error everywhere, in standard deviations of the image.</summary>
    public static byte[] UncertainSlices(int factor, float error)
    {
        var net = new TinyNetwork();
        var both = net.Node(
            "ConvTranspose",
            [
                "input",
                net.Tensor([1, 2, factor, 1, 1], new float[2 * factor]),
                net.Tensor([2], [0, MathF.Log(error)]),
            ],
            Ints("kernel_shape", factor, 1, 1),
            Ints("strides", factor, 1, 1)
        );
        return net.Build(both, 2);
    }

    /// <summary>Quality regression that says the same numbers whatever it sees: 1×2×K×J×I → 1×n×1×1×1.</summary>
    public static byte[] Regression(params float[] dice)
    {
        var net = new TinyNetwork();
        var maps = net.Conv("input", 2, dice.Length, 1, 0, new float[2 * dice.Length], dice);
        return net.Build(net.Node("GlobalAveragePool", [maps]), dice.Length, inputs: 2);
    }

    private string Relu(string input) => Node("Relu", [input]);

    private string Conv(
        string input,
        int from,
        int to,
        int kernel,
        int pad,
        float[]? weights = null,
        float[]? bias = null
    ) =>
        Node(
            "Conv",
            [
                input,
                weights is null
                    ? Weights([to, from, kernel, kernel, kernel])
                    : Tensor([to, from, kernel, kernel, kernel], weights),
                bias is null ? Weights([to]) : Tensor([to], bias),
            ],
            Ints("kernel_shape", kernel, kernel, kernel),
            Ints("pads", pad, pad, pad, pad, pad, pad)
        );

    private string Weights(int[] shape)
    {
        var count = shape.Aggregate(1, (a, b) => a * b);
        var scale = 2 / Math.Sqrt(count / (double)shape[0]);
        return Tensor(
            shape,
            [
                .. Enumerable
                    .Range(0, count)
                    .Select(_ => (float)((_random.NextDouble() - 0.5) * scale)),
            ]
        );
    }

    // TensorProto: dims = 1, data_type = 2 (FLOAT = 1), name = 8, raw_data = 9.
    private string Tensor(int[] shape, float[] values)
    {
        var name = $"t{_tensors++}";
        _initializers.Add(
            Join([
                .. shape.Select(n => Number(1, n)),
                Number(2, 1),
                Text(8, name),
                Bytes(9, MemoryMarshal.AsBytes<float>(values).ToArray()),
            ])
        );
        return name;
    }

    // NodeProto: input = 1, output = 2, op_type = 4, attribute = 5.
    private string Node(string type, string[] inputs, params byte[][] attributes)
    {
        var name = $"t{_tensors++}";
        _nodes.Add(
            Join([
                .. inputs.Select(input => Text(1, input)),
                Text(2, name),
                Text(4, type),
                .. attributes.Select(a => Bytes(5, a)),
            ])
        );
        return name;
    }

    // GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12.
    // ModelProto: ir_version = 1, graph = 7, opset_import = 8 { version = 2 }.
    private byte[] Build(string output, int channels, int inputs = 1)
    {
        var graph = Join([
            .. _nodes.Select(node => Bytes(1, node)),
            Text(2, "tiny"),
            .. _initializers.Select(tensor => Bytes(5, tensor)),
            Bytes(11, Value("input", inputs)),
            Bytes(12, Value(output, channels)),
        ]);
        return Join([Number(1, 8), Bytes(7, graph), Bytes(8, Number(2, 17))]);
    }

    // ValueInfoProto: name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1, dim_param = 2 } } } }.
    private static byte[] Value(string name, int channels)
    {
        byte[][] dims =
        [
            Number(1, 1),
            Number(1, channels),
            Text(2, name + "K"),
            Text(2, name + "J"),
            Text(2, name + "I"),
        ];
        var shape = Join([.. dims.Select(dim => Bytes(1, dim))]);
        return Join([Text(1, name), Bytes(2, Bytes(1, Join([Number(1, 1), Bytes(2, shape)])))]);
    }

    // AttributeProto: name = 1, i = 3, ints = 8, type = 20 (INT = 2, INTS = 7).
    private static byte[] Int(string name, int value) =>
        Join([Text(1, name), Number(3, value), Number(20, 2)]);

    private static byte[] Ints(string name, params int[] values) =>
        Join([Text(1, name), .. values.Select(v => Number(8, v)), Number(20, 7)]);

    private static byte[] Number(int field, long value) =>
        Join([Varint(field << 3), Varint(value)]);

    private static byte[] Text(int field, string text) =>
        Bytes(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Bytes(int field, byte[] payload) =>
        Join([Varint(field << 3 | 2), Varint(payload.Length), payload]);

    private static byte[] Varint(long value)
    {
        var bytes = new List<byte>();
        for (; value > 127; value >>= 7)
        {
            bytes.Add((byte)(value & 127 | 128));
        }
        bytes.Add((byte)value);
        return [.. bytes];
    }

    private static byte[] Join(byte[][] parts) => [.. parts.SelectMany(part => part)];
}
