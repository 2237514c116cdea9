using System.Runtime.InteropServices;
using Platform.Inference;
using Platform.Testing;

namespace Inference.Tests;

public sealed partial class OnnxModelTests
{
    private static readonly (int I, int J, int K) Shape = (37, 33, 31);
    private static readonly Box BoxIn = new(2, 3, 1, (34, 29, 29));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tiles_give_what_the_whole_volume_gives(bool padded)
    {
        var onnx = TinyNetwork.Convolutions(3, padded);
        var whole = Run(onnx, [80, 80, 80], 1, 3);
        var tiled = Run(onnx, [17, 14, 12], 1, 3);
        AssertClose(whole, tiled, edge: padded ? 3 : 0);
    }

    [Fact]
    public void Tiles_of_a_network_that_pools_stay_on_its_coarse_grid()
    {
        var onnx = TinyNetwork.UNet(3);
        var whole = Run(onnx, [80, 80, 80], 2, 6);
        AssertClose(whole, Run(onnx, [20, 18, 16], 2, 6), edge: 6);
    }

    [Fact]
    public void Tiles_of_background_alone_are_not_computed_and_are_background()
    {
        var onnx = TinyNetwork.Convolutions(3, padded: false);
        var image = Image();
        // Background in the last third along i.
        for (var n = 0; n < image.Length; n++)
        {
            image[n] = n % Shape.I > 24 ? -1 : image[n];
        }
        var whole = Run(onnx, [80, 80, 80], 1, 3, image);
        var skipped = Run(onnx, [14, 14, 12], 1, 3, image, skipBackground: true);
        var voxels = BoxIn.Size.I * BoxIn.Size.J * BoxIn.Size.K;
        var notComputed = 0;
        for (var n = 0; n < voxels; n++)
        {
            var background = (skipped[n], skipped[n + voxels]) == (0, -10);
            notComputed += background ? 1 : 0;
            Assert.True(!background || image[At(n)] == -1);
            Assert.True(background || Math.Abs(whole[n] - skipped[n]) < 1e-4);
        }
        Assert.InRange(notComputed, 1, voxels / 3);

        static int At(int n)
        {
            var (i, j, k) = (
                n % BoxIn.Size.I + BoxIn.I,
                n / BoxIn.Size.I % BoxIn.Size.J + BoxIn.J,
                n / (BoxIn.Size.I * BoxIn.Size.J) + BoxIn.K
            );
            return i + Shape.I * (j + Shape.J * k);
        }
    }

    [Fact]
    public void The_result_does_not_depend_on_the_number_of_threads()
    {
        var onnx = TinyNetwork.UNet(3);
        var one = Run(onnx, [32, 32, 32], 2, 6, threads: 1);
        Assert.Equal(one, Run(onnx, [32, 32, 32], 2, 6, threads: 2));
        Assert.Equal(one, Run(onnx, [32, 32, 32], 2, 6, threads: 4));
    }

    [Fact]
    public void What_ran_is_recorded_and_cuda_is_refused_where_there_is_none()
    {
        var onnx = TinyNetwork.Threshold();
        var package = Manifests.Package(Manifests.Segmentation(onnx), onnx);
        using var model = new OnnxModel(package, new OnnxOptions { Device = ComputeDevice.Cpu });
        Assert.Equal("cpu", model.ExecutionProvider);
        var available = Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders();
        if (!available.Contains("CUDAExecutionProvider"))
        {
            var e = Assert.Throws<InvalidOperationException>(() =>
                new OnnxModel(package, new OnnxOptions { Device = ComputeDevice.Cuda })
            );
            Assert.Contains("OrtFlavor=gpu", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_model_in_memory_means_that_the_runtime_reports_nothing_to_its_maker()
    {
        var onnx = TinyNetwork.Threshold();
        using var model = new OnnxModel(Manifests.Package(Manifests.Segmentation(onnx), onnx));
        // What the native library reads, not .NET's copy of the environment.
        Assert.Equal("1", Marshal.PtrToStringUTF8(NativeVariable("ORT_DISABLE_TELEMETRY")));
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint NativeVariable(string name);

    [Fact]
    public void A_network_that_breaks_its_manifest_is_refused_when_it_is_loaded()
    {
        var onnx = TinyNetwork.Threshold();
        var manifest = Manifests.Segmentation(onnx);
        var label = manifest.Labels[0];
        Refused("2 output channels", manifest with { Labels = [label with { Channel = 2 }] }, onnx);
        var unet = TinyNetwork.UNet(2);
        Refused(
            "9³ tile",
            Manifests.Segmentation(unet) with
            {
                Tiling = new ModelTiling
                {
                    MaxTile = [60, 60, 60],
                    Multiple = 3,
                    Halo = 3,
                },
            },
            unet
        );
        byte[] noNetwork = [8, 8, 8];
        Refused("cannot be loaded", Manifests.Segmentation(noNetwork), noNetwork);
        var slices = TinyNetwork.Slices(0, 0);
        Refused("16³ tile", Manifests.Segmentation(slices), slices, halo: 4);

        static void Refused(string expected, ModelManifest manifest, byte[] onnx, int? halo = null)
        {
            if (halo is { } h)
            {
                manifest = manifest with { Tiling = manifest.Tiling with { Halo = h } };
            }
            var e = Assert.Throws<ModelPackageException>(() =>
                new OnnxModel(Manifests.Package(manifest, onnx))
            );
            Assert.Equal(ModelPackageFault.InvalidNetwork, e.Fault);
            Assert.Contains(expected, e.Message, StringComparison.Ordinal);
            Assert.Contains("tiny@1.0.0", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_cancelled_run_stops()
    {
        var onnx = TinyNetwork.Threshold();
        using var model = new OnnxModel(Manifests.Package(Manifests.Segmentation(onnx), onnx));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            model.Run(new float[8], [1, 1, 2, 2, 2], (_, _) => { }, new CancellationToken(true))
        );
    }

    private static float[] Run(
        byte[] onnx,
        int[] maxTile,
        int multiple,
        int halo,
        float[]? image = null,
        int threads = 0,
        bool skipBackground = false
    )
    {
        var manifest = Manifests.Segmentation(onnx) with
        {
            Tiling = new ModelTiling
            {
                MaxTile = maxTile,
                Multiple = multiple,
                Halo = halo,
                SkipBackground = skipBackground,
            },
        };
        using var model = new OnnxModel(
            Manifests.Package(manifest, onnx),
            new OnnxOptions { Threads = threads }
        );
        return TiledRun.Run(model, [new(image ?? Image(), -1)], Shape, BoxIn, default);
    }

    private static float[] Image()
    {
        var random = new Random(7);
        var image = new float[Shape.I * Shape.J * Shape.K];
        foreach (ref var voxel in image.AsSpan())
        {
            voxel = (float)random.NextDouble();
        }
        return image;
    }

    /// <summary>Equal within 1e-4, at least <paramref name="edge"/> voxels from the box's edge: a padding network's answer there depends on how far its tile reaches.</summary>
    private static void AssertClose(float[] expected, float[] actual, int edge)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.Contains(expected, v => Math.Abs(v) > 0.01);
        var (sizeI, sizeJ, sizeK) = BoxIn.Size;
        for (var n = 0; n < expected.Length; n++)
        {
            var (i, j, k) = (n % sizeI, n / sizeI % sizeJ, n / (sizeI * sizeJ) % sizeK);
            var depth = new[] { i, j, k, sizeI - 1 - i, sizeJ - 1 - j, sizeK - 1 - k }.Min();
            Assert.True(
                depth < edge || Math.Abs(expected[n] - actual[n]) < 1e-4,
                $"voxel {i}, {j}, {k}: {expected[n]} and {actual[n]}"
            );
        }
    }
}
