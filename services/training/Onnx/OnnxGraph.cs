using Google.Protobuf;
using Platform.Training.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Platform.Training.Onnx;

/// <summary>A network as an ONNX graph (IR 8, opset 17, float32 arithmetic), built layer by layer; each layer returns the name of its output.</summary>
public sealed class OnnxGraph(string name)
{
    private const int Float = 1;
    private const int Float16 = 10;
    private readonly GraphProto _graph = new() { Name = name };

    /// <summary>The graph's input.</summary>
    public const string Input = "input";

    /// <summary>Convolution, folded batch normalisation and ReLU.</summary>
    public string Block(string input, ConvBlock block)
    {
        var (weight, bias) = Fold(block.Convolution, block.Normalisation);
        return Relu(Convolution(input, weight, bias, block.Convolution.stride[0]));
    }

    /// <summary>Convolution with "same" zero padding, as the networks here all have.</summary>
    public string Convolution(string input, Conv3d layer) =>
        Convolution(input, layer.weight, layer.bias, layer.stride[0]);

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

    /// <summary>Sum of two tensors of one shape.</summary>
    public string Add(string a, string b) => Node("Add", [a, b]);

    /// <summary>One after the other along the channels.</summary>
    public string Concatenate(string a, string b)
    {
        var output = Node("Concat", [a, b]);
        Attribute("axis", 1);
        return output;
    }

    /// <summary>Ends the graph and serialises the model.</summary>
    /// <param name="last">Name of the tensor that is the result.</param>
    /// <param name="output">Name it gets.</param>
    /// <param name="channels">Channels of the result.</param>
    public byte[] Finish(string last, string output, int channels)
    {
        _graph.Node[^1].Output[0] =
            _graph.Node[^1].Output[0] == last
                ? output
                : throw new ArgumentException("the last layer is not the result", nameof(last));
        _graph.Input.Add(Describe(Input, 1, "k", "j", "i"));
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
            normalisation.bias! - normalisation.running_mean! * scale
        );
    }

    private string Convolution(string input, Tensor weight, Tensor? bias, long stride)
    {
        var kernel = weight.shape[2..];
        var output = Node(
            "Conv",
            bias is null ? [input, Constant(weight)] : [input, Constant(weight), Constant(bias)]
        );
        Attribute("kernel_shape", kernel);
        Attribute("strides", [stride, stride, stride]);
        var pads = kernel.Select(size => size / 2).ToArray();
        Attribute("pads", [.. pads, .. pads]);
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
        _graph
            .Node[^1]
            .Attribute.Add(
                new AttributeProto
                {
                    Name = key,
                    I = value,
                    Type = AttributeProto.Types.AttributeType.Int,
                }
            );

    private void Attribute(string key, IEnumerable<long> values) =>
        _graph
            .Node[^1]
            .Attribute.Add(
                new AttributeProto
                {
                    Name = key,
                    Ints = { values },
                    Type = AttributeProto.Types.AttributeType.Ints,
                }
            );

    /// <summary>Kernels are stored in half precision, which halves the file, and cast when the model is loaded; biases as they are.</summary>
    private string Constant(Tensor value)
    {
        var constant = $"weight{_graph.Initializer.Count}";
        var half = value.dim() > 1;
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
