using Platform.Training.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class MixedPrecisionTests
{
    [Fact]
    public void Convolutions_multiply_in_bfloat16_within_a_scope_and_nowhere_else()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var layer = nn.Conv3d(4, 6, 3, padding: 1L);
        var input = randn([1, 4, 7, 8, 9]);
        var exact = layer.forward(input);
        var inside = Inside();
        Assert.Equal(float32, inside.dtype);
        // Eight bits of mantissa: no product is off by more than 2⁻⁸, and some are.
        var off = (inside - exact).abs().max().item<float>() / exact.abs().max().item<float>();
        Assert.InRange(off, 1e-5, 0.02);
        Assert.Equal(0, (layer.Convolve(input) - exact).abs().max().item<float>());
        inside.sum().backward();
        Assert.Equal(float32, layer.weight.grad!.dtype);
        Assert.True(layer.weight.grad.abs().max().item<float>() > 0);

        Tensor Inside()
        {
            using var open = MixedPrecision.Scope(true);
            using (MixedPrecision.Scope(false))
            {
                Assert.Equal(0, (layer.Convolve(input) - exact).abs().max().item<float>());
            }
            return layer.Convolve(input);
        }
    }
}
