using System.Text;
using Platform.Imaging;
using Platform.Imaging.RandomFields;
using Platform.Inference;
using Platform.Testing;

namespace Inference.Tests;

public sealed class CrfTests
{
    private static readonly byte[] Bright = TinyNetwork.Threshold(0.5f);

    private static readonly DenseCrfOptions Crf = new() { IntensityDeviation = [0.5] };

    [Fact]
    public void A_model_that_asks_for_it_gives_a_noisy_ball_whole_and_the_same_with_any_number_of_threads()
    {
        var image = NoisyBall(1);
        var plain = Manifests.Segmentation(Bright);
        var before = Labels(plain, Bright, [image], threads: 1);
        var refined = Labels(plain with { Crf = Crf }, Bright, [image], threads: 1);
        var (noisy, whole) = (Dice(before), Dice(refined));
        Assert.InRange(noisy, 0.6, 0.9);
        Assert.True(whole > noisy + 0.1, $"Dice {noisy:f3} → {whole:f3}");
        Assert.Equal(image.Geometry, refined.Geometry);
        Assert.Equal(
            refined.Voxels,
            Labels(plain with { Crf = Crf }, Bright, [image], threads: 2).Voxels
        );

        // Without weights there is nothing to hear, and the labels are the network's.
        var silent = Crf with
        {
            PositionalWeight = 0,
            BilateralWeight = 0,
        };
        Assert.Equal(
            before.Voxels,
            Labels(plain with { Crf = silent }, Bright, [image], threads: 2).Voxels
        );
    }

    [Fact]
    public void It_sees_every_channel_and_does_without_one_that_is_missing()
    {
        var onnx = TinyNetwork.ThresholdOfSum(1);
        var manifest = Manifests.Segmentation(onnx);
        manifest = manifest with
        {
            Input = manifest.Input with { Channels = ["FLAIR", "T1"], OptionalChannels = ["T1"] },
            Crf = Crf with { IntensityDeviation = [0.5, 0.4] },
        };
        var (first, second) = (NoisyBall(1), NoisyBall(2));
        var both = Labels(manifest, onnx, [first, second]);
        var alone = Labels(manifest, onnx, [first, null]);
        Assert.True(Dice(both) > 0.9, $"Dice {Dice(both):f3}");
        Assert.True(Dice(alone) > 0.85, $"Dice {Dice(alone):f3}");
        Assert.NotEqual(both.Voxels, alone.Voxels);
    }

    [Fact]
    public void It_stops_when_told_to()
    {
        var manifest = Manifests.Segmentation(Bright) with { Crf = Crf };
        using var model = new OnnxModel(Manifests.Package(manifest, Bright));
        var prepared = new Segmenter(model).Prepare(NoisyBall(1));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new Segmenter(model).Infer(prepared, new(canceled: true))
        );
    }

    [Fact]
    public void A_manifest_may_state_only_what_differs()
    {
        var read = Read("""{ "positionalWeight": 1.5, "intensityDeviation": [0.2] }""");
        var expected = new DenseCrfOptions { PositionalWeight = 1.5, IntensityDeviation = [0.2] };
        Assert.Equal(
            Manifests.Text(Manifests.Segmentation(Bright) with { Crf = expected }),
            Manifests.Text(read)
        );
        Assert.Null(ManifestReader.Read(Manifests.Json(Manifests.Segmentation(Bright))).Crf);
    }

    [Theory]
    [InlineData("""{ "intensityDeviation": [0.2], "iteration": 2 }""", "iteration")]
    [InlineData("""{ "iterations": 2 }""", "intensityDeviation")]
    [InlineData("""{ "intensityDeviation": [0.2], "iterations": 0 }""", "crf.iterations 0: 1 to")]
    [InlineData("""{ "intensityDeviation": [] }""", "crf.intensityDeviation []: 1 of them")]
    [InlineData("""{ "intensityDeviation": [0.2, 0.3] }""", "crf.intensityDeviation [0.2, 0.3]")]
    [InlineData("""{ "intensityDeviation": [0] }""", "crf.intensityDeviation [0]")]
    [InlineData(
        """{ "intensityDeviation": [0.2], "positionalWeight": -1 }""",
        "crf.positionalWeight -1"
    )]
    [InlineData(
        """{ "intensityDeviation": [0.2], "bilateralWeight": 1001 }""",
        "crf.bilateralWeight 1001: 0 to 1000"
    )]
    [InlineData(
        """{ "intensityDeviation": [0.2], "positionalDeviationMm": [3, 3] }""",
        "crf.positionalDeviationMm [3, 3]: 3 of them"
    )]
    [InlineData(
        """{ "intensityDeviation": [0.2], "bilateralDeviationMm": [17, 0, 10] }""",
        "crf.bilateralDeviationMm [17, 0, 10]"
    )]
    public void A_wrong_section_is_refused_naming_the_key_and_the_value(string crf, string named)
    {
        var e = Assert.Throws<ModelPackageException>(() => Read(crf));
        Assert.Equal(ModelPackageFault.InvalidManifest, e.Fault);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_segmentation_model_has_one()
    {
        var manifest = Manifests.Segmentation(Bright) with
        {
            Crf = Crf,
            Task = ModelTask.SuperResolution,
        };
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(Manifests.Json(manifest))
        );
        Assert.Contains("crf: for a segmentation model only", e.Message, StringComparison.Ordinal);
    }

    private static ModelManifest Read(string crf)
    {
        var text = Manifests.Text(Manifests.Segmentation(Bright));
        return ManifestReader.Read(Encoding.UTF8.GetBytes($"{{ \"crf\": {crf}, {text[1..]}"));
    }

    private static Volume<byte> Labels(
        ModelManifest manifest,
        byte[] onnx,
        Volume<float>?[] images,
        int threads = 2
    )
    {
        using var model = new OnnxModel(
            Manifests.Package(manifest, onnx),
            new() { Threads = threads }
        );
        var segmenter = new Segmenter(model);
        return segmenter.Restore(images[0]!, segmenter.Infer(segmenter.Prepare(images), default));
    }

    /// <summary>A bright ball in a dim cube in air, under noise that takes a voxel in some ten to the other side.</summary>
    private static Volume<float> NoisyBall(int seed)
    {
        var random = new Random(seed);
        var image = new Volume<float>(VolumeGeometry.Ras((48, 44, 40), (2, 2, 2)));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var noise = random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f;
            var (i, j, k) = (n % 48, n / 48 % 44, n / 48 / 44);
            image.Voxels[n] =
                i is < 4 or > 43 || j is < 4 or > 39 || k is < 4 or > 35
                    ? 0
                    : (InBall(n) ? 1400 : 600) + 650 * noise;
        }
        return image;
    }

    private static bool InBall(int n)
    {
        var (i, j, k) = (n % 48 - 24, n / 48 % 44 - 22, n / 48 / 44 - 20);
        return i * i + j * j + k * k < 12 * 12;
    }

    private static double Dice(Volume<byte> labels)
    {
        var truth = new Volume<byte>(labels.Geometry);
        for (var n = 0; n < truth.Voxels.Length; n++)
        {
            truth.Voxels[n] = InBall(n) ? (byte)1 : (byte)0;
        }
        return LabelMeasures.Dice(labels, truth, 1);
    }
}
