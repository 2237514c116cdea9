using System.Runtime.InteropServices;
using Google.Protobuf;
using Platform.Training.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Platform.Training.Onnx;

/// <summary>A network as an ONNX graph (IR 8, opset 17, float32 arithmetic), built layer by layer; each layer returns the name of its output.</summary>
/// <param name="name">For people.</param>
/// <param name="halfPrecision">Kernels and matrices are stored in half precision, which halves the file.</param>
public sealed class OnnxGraph(string name, bool halfPrecision = true)
{
    private const int Float = 1;
    private const int Float16 = 10;
    private const int Int64 = 7;
    private readonly GraphProto _graph = new() { Name = name };

    /// <summary>The graph's input.</summary>
    public const string Input = "input";

    /// <summary>Convolution, folded batch normalisation and ReLU.</summary>
    public string Block(string input, ConvBlock block)
    {
        var (weight, bias) = Fold(block.Convolution, block.Normalisation);
        var (stride, padding) = (block.Convolution.stride, block.Convolution.padding!);
        return Relu(Convolution(input, weight, bias, stride, padding));
    }

    /// <summary>Convolution padded as the layer is.</summary>
    public string Convolution(string input, Conv3d layer) =>
        Convolution(input, layer.weight, layer.bias, layer.stride, layer.padding!);

    /// <summary>Convolution without padding and a normalisation folded into it.</summary>
    public string Convolution(string input, Conv3d layer, BatchNorm3d normalisation)
    {
        var (weight, bias) = Fold(layer, normalisation);
        return Convolution(input, weight, bias, layer.stride, [0, 0, 0]);
    }

    /// <summary>Frozen batch normalisation, where there is one, and PReLU.</summary>
    public string Activate(string input, BatchNorm3d? normalisation, PReLU activation)
    {
        if (normalisation is not null)
        {
            input = Node(
                "BatchNormalization",
                [
                    input,
                    Constant(normalisation.weight!),
                    Constant(normalisation.bias!),
                    Constant(normalisation.running_mean!),
                    Constant(normalisation.running_var!),
                ]
            );
            Attribute("epsilon", (float)normalisation.eps);
        }
        return Node("PRelu", [input, Constant(activation.weight!.reshape(-1, 1, 1, 1))]);
    }

    /// <summary>Without some voxels on each side of K, J and I.</summary>
    public string Crop(string input, long voxels) =>
        Node(
            "Slice",
            [
                input,
                Integers(voxels, voxels, voxels),
                Integers(-voxels, -voxels, -voxels),
                Integers(2, 3, 4),
            ]
        );

    /// <summary>Every so many voxels along K, J and I, from a first one on.</summary>
    public string Stride(string input, long first, long step) =>
        Node(
            "Slice",
            [
                input,
                Integers(first, first, first),
                Integers(long.MaxValue, long.MaxValue, long.MaxValue),
                Integers(2, 3, 4),
                Integers(step, step, step),
            ]
        );

    /// <summary>Every voxel several times along K, J and I.</summary>
    public string Repeat(string input, int times)
    {
        using var scales = tensor(new float[] { 1, 1, times, times, times });
        var output = Node("Resize", [input, "", Constant(scales)]);
        Attribute("mode", "nearest");
        Attribute("coordinate_transformation_mode", "asymmetric");
        Attribute("nearest_mode", "floor");
        return output;
    }

    /// <summary>With more channels, zero.</summary>
    public string PadChannels(string input, int more) =>
        more == 0 ? input : Node("Pad", [input, Integers(0, 0, 0, 0, 0, 0, more, 0, 0, 0)]);

    /// <summary>Deconvolution without padding whose kernel is its stride.</summary>
    public string Deconvolution(string input, ConvTranspose3d layer)
    {
        var kernel = layer.weight.shape[2..];
        var output = Node("ConvTranspose", [input, Constant(layer.weight), Constant(layer.bias!)]);
        Attribute("kernel_shape", kernel);
        Attribute("strides", kernel);
        return output;
    }

    /// <summary>Rectifier.</summary>
    public string Relu(string input) => Node("Relu", [input]);

    /// <summary>Sum of two tensors; axes of length 1 are repeated.</summary>
    public string Add(string a, string b) => Node("Add", [a, b]);

    /// <summary>Difference of two tensors of one shape.</summary>
    public string Subtract(string a, string b) => Node("Sub", [a, b]);

    /// <summary>Quotient, element by element; axes of length 1 are repeated.</summary>
    public string Divide(string a, string b) => Node("Div", [a, b]);

    /// <summary>Product, element by element; axes of length 1 are repeated.</summary>
    public string Multiply(string a, string b) => Node("Mul", [a, b]);

    /// <summary>Matrix product over the last two axes.</summary>
    public string MatrixProduct(string a, string b) => Node("MatMul", [a, b]);

    /// <summary>Natural logarithm.</summary>
    public string Log(string input) => Node("Log", [input]);

    /// <summary>Logistic function.</summary>
    public string Sigmoid(string input) => Node("Sigmoid", [input]);

    /// <summary>One after the other along an axis; unless given, the channels.</summary>
    public string Concatenate(string a, string b, int axis = 1)
    {
        var output = Node("Concat", [a, b]);
        Attribute("axis", axis);
        return output;
    }

    /// <summary>One channel of a tensor, which keeps its axes.</summary>
    public string Channel(string input, int channel) =>
        Node("Slice", [input, Integers(channel), Integers(channel + 1), Integers(1)]);

    /// <summary>1 where a tensor has a value, 0 elsewhere; axes of length 1 are repeated.</summary>
    public string Equal(string input, Tensor values)
    {
        // Compared as they are: half precision would hold label values too, but not whatever else comes.
        var equal = Node("Equal", [input, Constant(values, half: false)]);
        var output = Node("Cast", [equal]);
        Attribute("to", Float);
        return output;
    }

    /// <summary>Mean over cubes that lie side by side.</summary>
    public string AveragePool(string input, long size) =>
        Pool("AveragePool", input, [size, size, size], size, [0, 0, 0]);

    /// <summary>Maximum over the box around each voxel.</summary>
    public string MaxPool(string input, long[] box) =>
        Pool("MaxPool", input, box, 1, [.. box.Select(size => size / 2)]);

    /// <summary>Sum along axes, which are kept with length 1.</summary>
    public string Sum(string input, params long[] axes) =>
        Node("ReduceSum", [input, Integers(axes)]);

    /// <summary>The same numbers along other axes: 0 keeps an axis, −1 takes what is left.</summary>
    public string Reshape(string input, params long[] shape) =>
        Node("Reshape", [input, Integers(shape)]);

    /// <summary>Axes in another order.</summary>
    public string Transpose(string input, params long[] order)
    {
        var output = Node("Transpose", [input]);
        Attribute("perm", order);
        return output;
    }

    /// <summary>Ends the graph and serialises the model.</summary>
    /// <param name="last">Name of the tensor that is the result.</param>
    /// <param name="output">Name it gets.</param>
    /// <param name="channels">Channels of the result.</param>
    /// <param name="inputs">Channels of the input.</param>
    public byte[] Finish(string last, string output, int channels, int inputs = 1)
    {
        _graph.Node[^1].Output[0] =
            _graph.Node[^1].Output[0] == last
                ? output
                : throw new ArgumentException("the last layer is not the result", nameof(last));
        _graph.Input.Add(Describe(Input, inputs, "k", "j", "i"));
        _graph.Output.Add(Describe(output, channels, "out_k", "out_j", "out_i"));
        return new ModelProto
        {
            IrVersion = 8,
            ProducerName = "Platform.Training",
            Graph = _graph,
            OpsetImport =
            {
                new OperatorSetIdProto { Domain = "", Version = 17 },
            },
        }.ToByteArray();
    }

    /// <summary>Weights and bias of a convolution that does what the convolution and the frozen normalisation after it do.</summary>
    private static (Tensor Weight, Tensor Bias) Fold(Conv3d convolution, BatchNorm3d normalisation)
    {
        var scale = normalisation.weight! / (normalisation.running_var! + normalisation.eps).sqrt();
        return (
            convolution.weight * scale.reshape(-1, 1, 1, 1, 1),
            normalisation.bias!
                + (
                    convolution.bias is { } bias
                        ? bias - normalisation.running_mean!
                        : -normalisation.running_mean!
                ) * scale
        );
    }

    private string Convolution(
        string input,
        Tensor weight,
        Tensor? bias,
        long[] stride,
        long[] padding
    )
    {
        var kernel = weight.shape[2..];
        var output = Node(
            "Conv",
            bias is null ? [input, Constant(weight)] : [input, Constant(weight), Constant(bias)]
        );
        Attribute("kernel_shape", kernel);
        Attribute("strides", stride);
        Attribute("pads", [.. padding, .. padding]);
        return output;
    }

    private string Node(string type, IEnumerable<string> inputs)
    {
        var output = $"{type.ToLowerInvariant()}{_graph.Node.Count}";
        _graph.Node.Add(
            new NodeProto
            {
                OpType = type,
                Name = output,
                Input = { inputs },
                Output = { output },
            }
        );
        return output;
    }

    private void Attribute(string key, long value) =>
        Add(
            new()
            {
                Name = key,
                I = value,
                Type = AttributeProto.Types.AttributeType.Int,
            }
        );

    private void Attribute(string key, IEnumerable<long> values) =>
        Add(
            new()
            {
                Name = key,
                Ints = { values },
                Type = AttributeProto.Types.AttributeType.Ints,
            }
        );

    private void Attribute(string key, float value) =>
        Add(
            new()
            {
                Name = key,
                F = value,
                Type = AttributeProto.Types.AttributeType.Float,
            }
        );

    private void Attribute(string key, string value) =>
        Add(
            new()
            {
                Name = key,
                S = ByteString.CopyFromUtf8(value),
                Type = AttributeProto.Types.AttributeType.String,
            }
        );

    /// <summary>To the node that was added last.</summary>
    private void Add(AttributeProto attribute) => _graph.Node[^1].Attribute.Add(attribute);

    private string Pool(string type, string input, long[] box, long stride, long[] pads)
    {
        var output = Node(type, [input]);
        Attribute("kernel_shape", box);
        Attribute("strides", [stride, stride, stride]);
        Attribute("pads", [.. pads, .. pads]);
        return output;
    }

    private string Integers(params long[] values)
    {
        var constant = $"weight{_graph.Initializer.Count}";
        _graph.Initializer.Add(
            new TensorProto
            {
                Name = constant,
                DataType = Int64,
                Dims = { values.Length },
                RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())),
            }
        );
        return constant;
    }

    /// <summary>What is stored in half precision is cast when the model is loaded; vectors are stored as they are.</summary>
    public string Constant(Tensor value) => Constant(value, half: halfPrecision && value.dim() > 1);

    private string Constant(Tensor value, bool half)
    {
        var constant = $"weight{_graph.Initializer.Count}";
        using var stored = value.detach().cpu().to(half ? float16 : float32).contiguous();
        _graph.Initializer.Add(
            new TensorProto
            {
                Name = constant,
                DataType = half ? Float16 : Float,
                Dims = { value.shape },
                RawData = ByteString.CopyFrom(stored.bytes),
            }
        );
        if (!half)
        {
            return constant;
        }
        var cast = Node("Cast", [constant]);
        Attribute("to", Float);
        return cast;
    }

    private static ValueInfoProto Describe(string tensor, int channels, params string[] space) =>
        new()
        {
            Name = tensor,
            Type = new()
            {
                TensorType = new()
                {
                    ElemType = Float,
                    Shape = new()
                    {
                        Dim =
                        {
                            new TensorShapeProto.Types.Dimension { DimParam = "n" },
                            new TensorShapeProto.Types.Dimension { DimValue = channels },
                            space.Select(axis => new TensorShapeProto.Types.Dimension
                            {
                                DimParam = axis,
                            }),
                        },
                    },
                },
            },
        };
}
