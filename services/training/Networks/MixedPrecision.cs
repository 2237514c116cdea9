using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Platform.Training.Networks;

/// <summary>
/// Convolutions that multiply in bfloat16 and add in float32, of weights and maps that stay float32: on processors and GPUs that have such instructions a step takes
/// half the time. What torch's autocast does, which TorchSharp lacks. Only the thread that opens a scope is concerned, and only while it is open.
/// </summary>
public static class MixedPrecision
{
    [ThreadStatic]
    private static bool _open;

    /// <summary>Opens a scope, or none.</summary>
    /// <param name="enabled">Whether convolutions multiply in bfloat16 until the result is disposed of.</param>
    public static IDisposable Scope(bool enabled) => new Opened(enabled);

    /// <summary>The layer's convolution, padded and strided as it is.</summary>
    /// <param name="layer">The layer; its padding is of numbers.</param>
    /// <param name="input">N×in×K×J×I, float32.</param>
    /// <returns>N×out×K×J×I, float32.</returns>
    public static Tensor Convolve(this Conv3d layer, Tensor input)
    {
        if (!_open)
        {
            return layer.forward(input);
        }
        using var scope = NewDisposeScope();
        return nn
            .functional.conv3d(
                input.to(bfloat16),
                layer.weight.to(bfloat16),
                layer.bias?.to(bfloat16),
                layer.stride,
                layer.padding,
                layer.dilation
            )
            .to(float32)
            .MoveToOuterDisposeScope();
    }

    private sealed class Opened : IDisposable
    {
        private readonly bool _before = _open;

        public Opened(bool enabled) => _open = enabled;

        public void Dispose() => _open = _before;
    }
}
