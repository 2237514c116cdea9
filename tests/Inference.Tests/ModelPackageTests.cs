using System.Security.Cryptography;
using System.Text;
using Platform.Inference;

namespace Inference.Tests;

public sealed class ModelPackageTests
{
    private static readonly byte[] Onnx = [1, 2, 3];

    [Fact]
    public void A_manifest_survives_writing_and_reading()
    {
        var manifest = Manifests.Segmentation(Onnx);
        var read = ManifestReader.Read(Manifests.Json(manifest));
        Assert.Equal(Manifests.Text(manifest), Manifests.Text(read));
        Assert.Equal("tiny@1.0.0", read.Id);
    }

    [Fact]
    public void A_network_with_another_digest_is_refused_naming_both_digests_and_the_model()
    {
        var manifest = Manifests.Segmentation(Onnx);
        var e = Assert.Throws<ModelPackageException>(() =>
            ModelPackage.Load(Manifests.Json(manifest), [1, 2, 4])
        );
        Assert.Equal(ModelPackageFault.DigestMismatch, e.Fault);
        Assert.Contains(manifest.Sha256, e.Message, StringComparison.Ordinal);
        Assert.Contains(
            Convert.ToHexStringLower(SHA256.HashData([1, 2, 4])),
            e.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("tiny@1.0.0", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"halo\"", "\"hallo\"", "hallo")]
    [InlineData("\"sha256\"", "\"digest\"", "digest")]
    [InlineData("\"Segmentation\"", "\"Segmentaton\"", "task")]
    [InlineData("\"halo\": 8", "\"halo\": 8, \"halo\": 9", "halo")]
    [InlineData("\"halo\": 8", "\"halo\": -1", "tiling.halo -1")]
    [InlineData("\"halo\": 8", "\"halo\": 40", "tiling.maxTile")]
    [InlineData("\"1.0.0\"", "\"one\"", "version 'one'")]
    [InlineData("\"tiny\"", "\"Tiny Model\"", "name 'Tiny Model'")]
    [InlineData("\"RAS\"", "\"RAR\"", "input.orientation 'RAR'")]
    [InlineData("\"RAS\"", "\"slices\"", "input.orientation 'slices'")]
    [InlineData("\"channel\": 1", "\"channel\": 0", "label 'bright'")]
    [InlineData("\"value\": 1,", "\"value\": 1, \"side\": \"left\",", "channel 1")]
    [InlineData("\"value\": 1,", "\"value\": 1, \"side\": \"top\",", "side 'top'")]
    [InlineData("\"T1\"", "\"T1\", \"T2\"", "input.optionalChannels")]
    [InlineData("\"lowPercentile\": 1", "\"lowPercentile\": 99", "input.normalisation")]
    [InlineData("\"minFrames\": 1", "\"minFrames\": 2", "minFrames (2)")]
    [InlineData("\"maxFrames\": 1", "\"maxFrames\": 0", "maxFrames (0)")]
    public void A_wrong_manifest_is_refused_naming_what_is_wrong(
        string right,
        string wrong,
        string named
    )
    {
        var text = Manifests.Text(Manifests.Segmentation(Onnx));
        Assert.Contains(right, text, StringComparison.Ordinal);
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(
                Encoding.UTF8.GetBytes(text.Replace(right, wrong, StringComparison.Ordinal))
            )
        );
        Assert.Equal(ModelPackageFault.InvalidManifest, e.Fault);
        Assert.Contains(named, e.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Only_a_segmentation_model_has_a_foreground()
    {
        var manifest = Manifests.Segmentation(Onnx) with { LargestForegroundOnly = true };
        Assert.True(ManifestReader.Read(Manifests.Json(manifest)).LargestForegroundOnly);
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(Manifests.Json(manifest with { Task = ModelTask.SuperResolution }))
        );
        Assert.Contains("largestForegroundOnly", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_structure_has_its_own_thresholds_where_it_states_them_and_the_models_elsewhere()
    {
        var read = ManifestReader.Read(Manifests.Json(Judged(pass: 0.4, review: null)));
        Assert.Equal((0.4, 0.3), read.Quality!.For(read.Labels[0]));
        read = ManifestReader.Read(Manifests.Json(Judged(pass: null, review: null)));
        Assert.DoesNotContain("\"passDice\": null", Manifests.Text(read), StringComparison.Ordinal);
        Assert.Equal((0.7, 0.3), read.Quality!.For(read.Labels[0]));
    }

    [Theory]
    [InlineData(0.2, null, "label 'bright': 0 ≤ reviewDice (0.3) ≤ passDice (0.2) ≤ 1")]
    [InlineData(null, 0.8, "label 'bright': 0 ≤ reviewDice (0.8) ≤ passDice (0.7) ≤ 1")]
    [InlineData(1.1, 0.5, "passDice (1.1)")]
    [InlineData(0.5, -0.1, "reviewDice (-0.1)")]
    public void Thresholds_of_a_structure_that_cannot_be_are_refused_with_its_name(
        double? pass,
        double? review,
        string named
    )
    {
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(Manifests.Json(Judged(pass, review)))
        );
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thresholds_of_a_structure_need_a_reference_set_to_judge_by()
    {
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(Manifests.Json(Judged(0.5, 0.3) with { Quality = null }))
        );
        Assert.Contains("need quality", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reverse_classifier_there_is_not_is_refused_with_its_name_and_the_choices()
    {
        ModelManifest By(string? classifier)
        {
            var manifest = Judged(null, null);
            return manifest with { Quality = manifest.Quality! with { Classifier = classifier } };
        }
        foreach (var known in ReverseClassifiers.All.Append(null))
        {
            Assert.Equal(known, ManifestReader.Read(Manifests.Json(By(known))).Quality!.Classifier);
        }
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(Manifests.Json(By("Atlas-Forest")))
        );
        Assert.Contains(
            "quality: classifier 'Atlas-Forest' is none of single-atlas, atlas-forest",
            e.Message,
            StringComparison.Ordinal
        );
    }

    private static ModelManifest Judged(double? pass, double? review)
    {
        var manifest = Manifests.Segmentation(Onnx);
        return manifest with
        {
            Labels = [manifest.Labels[0] with { PassDice = pass, ReviewDice = review }],
            Quality = new()
            {
                References = "heads@1",
                PassDice = 0.7,
                ReviewDice = 0.3,
            },
        };
    }

    [Fact]
    public void Something_else_than_json_is_refused()
    {
        var e = Assert.Throws<ModelPackageException>(() => ManifestReader.Read("PK\u0003"u8));
        Assert.Equal(ModelPackageFault.InvalidManifest, e.Fault);
    }
}
