using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Platform.Training.Onnx;

/// <summary>Kernel and bias of one convolution or deconvolution.</summary>
/// <param name="Kernel">As torch has it.</param>
/// <param name="Bias">A number a map; a normalisation that followed is folded into both.</param>
public sealed record ConvolutionWeights(Tensor Kernel, Tensor Bias);

/// <summary>Reads back what <see cref="OnnxGraph"/> wrote, so that a training can begin where a package ended.</summary>
public static class PackageWeights
{
    private const int Float16 = 10;

    /// <summary>The convolutions and deconvolutions of a model, in the order of its graph.</summary>
    /// <param name="onnx">model.onnx.</param>
    /// <exception cref="InvalidDataException">A convolution whose weights are not stored as this project stores them.</exception>
    public static IReadOnlyList<ConvolutionWeights> Read(byte[] onnx)
    {
        var graph = ModelProto.Parser.ParseFrom(onnx).Graph;
        var stored = graph.Initializer.ToDictionary(tensor => tensor.Name);
        // Half precision is stored, and cast by a node of its own.
        foreach (var cast in graph.Node.Where(node => node.OpType == "Cast"))
        {
            if (stored.TryGetValue(cast.Input[0], out var half))
            {
                stored[cast.Output[0]] = half;
            }
        }
        return
        [
            .. graph
                .Node.Where(node => node.OpType is "Conv" or "ConvTranspose")
                .Select(node =>
                    node.Input.Count == 3
                        ? new ConvolutionWeights(Value(node.Input[1]), Value(node.Input[2]))
                        : throw new InvalidDataException($"{node.Name} has no bias")
                ),
        ];

        Tensor Value(string name)
        {
            if (!stored.TryGetValue(name, out var value))
            {
                throw new InvalidDataException($"{name} is no stored weight");
            }
            var bytes = value.RawData.Span;
            float[] numbers =
                value.DataType == Float16
                    ? [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(n => (float)n)]
                    : MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            return tensor(numbers, [.. value.Dims]);
        }
    }
}
