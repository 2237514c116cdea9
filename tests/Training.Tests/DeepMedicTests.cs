using System.Security.Cryptography;
using System.Text.Json;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Networks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class DeepMedicTests
{
    private static readonly int[] Widths = [3, 3, 4, 4, 4, 5, 6, 6];

    [Theory]
    [InlineData(57, 60, 63)]
    [InlineData(66, 57, 57)]
    public void The_output_is_the_input_without_its_halo(int k, int j, int i)
    {
        using var scope = NewDisposeScope();
        var network = Network();
        Assert.Equal([1, 2, k - 54, j - 54, i - 54], network.forward(randn([1, 2, k, j, i])).shape);
    }

    [Fact]
    public void An_output_voxel_sees_19_voxels_at_full_resolution_and_17_of_every_third()
    {
        using var scope = NewDisposeScope();
        var network = Network();
        var input = randn([1, 2, 57, 57, 57], requires_grad: true);
        network.forward(input)[0, 0, 1, 1, 1].backward();
        var seen = input.grad!.abs().amax([0, 1, 3, 4]).data<float>().ToArray();
        // The middle of the input is 28: 28 ± 9 at full resolution, 28 ± 8·3 in steps of 3.
        var expected = Enumerable
            .Range(0, 57)
            .Where(n => Math.Abs(n - 28) <= 9 || (n - 28) % 3 == 0 && Math.Abs(n - 28) <= 24);
        Assert.Equal(expected, Enumerable.Range(0, 57).Where(n => seen[n] > 0));
    }

    [Fact]
    public void The_exported_network_gives_the_logits_of_torch_within_1e_4_and_no_other_label()
    {
        using var scope = NewDisposeScope();
        var network = Network();
        long[] shape = [1, 2, 60, 66, 63];
        var input = randn(shape);
        var expected = network.forward(input);
        using var model = Model(network, 60);
        model.Run(
            input.data<float>().ToArray(),
            shape,
            (values, given) =>
            {
                Assert.Equal(expected.shape, given.ToArray());
                var actual = tensor(values.ToArray(), given.ToArray());
                Assert.InRange((actual - expected).abs().max().item<float>(), 0, 1e-4);
                Assert.True(expected.abs().max().item<float>() > 0.1);
                Assert.True(actual.argmax(1).eq(expected.argmax(1)).all().item<bool>());
            }
        );
    }

    [Fact]
    public void Tiles_give_what_the_whole_volume_gives_within_1e_4()
    {
        var network = Network();
        var random = new Random(5);
        (int I, int J, int K) shape = (31, 26, 23);
        ImageChannel[] channels = [Noise(-2), new(null, 0)];
        var box = new Box(1, 2, 0, (29, 22, 23));
        var whole = Run(150);
        Assert.Contains(whole, v => Math.Abs(v) > 0.1);
        // Tiles of 66 give 12 voxels: several along every axis, the last of them beyond the box.
        var tiled = Run(66);
        Assert.Equal(0, whole.Zip(tiled, (a, b) => Math.Abs(a - b)).Count(d => d > 1e-4f));

        float[] Run(int largest)
        {
            using var model = Model(network, largest);
            return TiledRun.Run(model, channels, shape, box, default);
        }

        ImageChannel Noise(float outside) =>
            new(
                [
                    .. Enumerable
                        .Range(0, shape.I * shape.J * shape.K)
                        .Select(_ => 4 * random.NextSingle() - 2),
                ],
                outside
            );
    }

    /// <summary>A network whose normalisations have statistics of their own.</summary>
    private static DeepMedic Network()
    {
        set_num_threads(1);
        random.manual_seed(11);
        using var none = no_grad();
        var network = new DeepMedic(Widths, 14, 2, 2);
        foreach (var layer in network.modules().OfType<BatchNorm3d>())
        {
            layer.running_mean!.normal_(0, 0.3);
            layer.running_var!.uniform_(0.5, 1.5);
            layer.weight!.uniform_(0.5, 1.5);
            layer.bias!.normal_(0, 0.3);
        }
        network.eval();
        return network;
    }

    private static OnnxModel Model(DeepMedic network, int largestTile)
    {
        var onnx = network.ToOnnx();
        var manifest = new ModelManifest
        {
            Name = "deepmedic",
            Version = "1.0.0",
            Task = ModelTask.Segmentation,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
            Input = new()
            {
                Channels = ["FLAIR", "T1"],
                OptionalChannels = ["T1"],
                Normalisation = new() { LowPercentile = 1, HighPercentile = 99 },
            },
            Tiling = new()
            {
                MaxTile = [largestTile, largestTile, largestTile],
                Multiple = DeepMedic.Factor,
                Halo = DeepMedic.Halo,
            },
            Labels =
            [
                new()
                {
                    Channel = 1,
                    Value = 1,
                    Name = "lesion",
                },
            ],
            Routing = new(),
            IntendedUse = "Tests.",
        };
        return new(
            ModelPackage.Load(
                JsonSerializer.SerializeToUtf8Bytes(manifest, ManifestReader.Options),
                onnx
            ),
            new() { Device = ComputeDevice.Cpu, Threads = 1 }
        );
    }
}
