using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Inference.Tests;

public sealed class SegmentationAgreementTests
{
    private static readonly byte[] Bright = TinyNetwork.Threshold(0.5f);

    [Fact]
    public void A_network_that_sees_single_voxels_agrees_with_itself_on_the_mirrored_image_and_less_where_noise_blurs_the_border()
    {
        var image = Gradient();
        Assert.Equal(1, Agreement(image, SegmentationAgreement.Mirrored));
        var noisy = Agreement(image, SegmentationAgreement.Noise);
        Assert.InRange(noisy, 0.5, 0.99);
        Assert.Equal(noisy, Agreement(image, SegmentationAgreement.Noise));
        Assert.InRange(Agreement(image, SegmentationAgreement.Contrast), 0.5, 0.999);
        // Of three maps, the mean of three pairs: between the worst pair and the best.
        Assert.InRange(
            Agreement(image, SegmentationAgreement.Mirrored, SegmentationAgreement.Noise),
            noisy,
            1
        );
    }

    [Fact]
    public void A_model_that_does_not_ask_for_it_is_run_once_and_says_nothing()
    {
        using var model = new OnnxModel(
            Manifests.Package(Manifests.Segmentation(Bright), Bright),
            new() { Threads = 1 }
        );
        IVolumeModel<Scores, byte> segmenter = new Segmenter(model);
        var scores = segmenter.Infer(segmenter.Prepare(Gradient()), default);
        Assert.Null(segmenter.Agreement(scores));
    }

    [Fact]
    public void What_a_manifest_asks_of_quality_is_checked()
    {
        Refused(new() { PassDice = 0.7, ReviewDice = 0.5 }, "at least one of them");
        Refused(
            Asking("mirrored", "upside-down"),
            "'upside-down' is none of mirrored, contrast, noise"
        );
        Refused(
            Asking("noise") with
            {
                Regressor = "brain-quality",
            },
            "'brain-quality' is not name@version"
        );

        static void Refused(QualitySettings quality, string because) =>
            Assert.Contains(
                because,
                Assert
                    .Throws<ModelPackageException>(() =>
                        ManifestReader.Read(
                            Manifests.Json(
                                Manifests.Segmentation(Bright) with
                                {
                                    Quality = quality,
                                }
                            )
                        )
                    )
                    .Message,
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("T1")]
    [InlineData("labels", "T1")]
    public void A_regressor_takes_an_image_and_labels(params string[] channels)
    {
        var manifest = Manifests.Segmentation(Bright) with { Task = ModelTask.QualityRegression };
        var e = Assert.Throws<ModelPackageException>(() =>
            ManifestReader.Read(
                Manifests.Json(
                    manifest with
                    {
                        Input = manifest.Input with { Channels = channels },
                    }
                )
            )
        );
        Assert.Contains("an image and \"labels\"", e.Message, StringComparison.Ordinal);
        Assert.Contains("regression: required", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_regressor_that_gives_another_number_of_values_than_it_has_labels_is_not_loaded()
    {
        var net = TinyNetwork.Regression(0.5f, 0.5f);
        var segmentation = Manifests.Segmentation(net);
        var package = Manifests.Package(
            segmentation with
            {
                Task = ModelTask.QualityRegression,
                Input = segmentation.Input with { Channels = ["T1", "labels"] },
                Regression = new() { Margin = 0.1 },
            },
            net
        );
        var e = Assert.Throws<ModelPackageException>(() => new OnnxModel(package));
        Assert.Equal(ModelPackageFault.InvalidNetwork, e.Fault);
        Assert.Contains("1×2×1×1×1", e.Message, StringComparison.Ordinal);
    }

    private static QualitySettings Asking(params string[] alterations) =>
        new()
        {
            Agreement = alterations,
            PassDice = 0.7,
            ReviewDice = 0.5,
        };

    private static double Agreement(Volume<float> image, params string[] alterations)
    {
        var manifest = Manifests.Segmentation(Bright) with { Quality = Asking(alterations) };
        using var model = new OnnxModel(Manifests.Package(manifest, Bright), new() { Threads = 1 });
        IVolumeModel<Scores, byte> segmenter = new Segmenter(model);
        var scores = segmenter.Infer(segmenter.Prepare(image), default);
        return segmenter.Agreement(scores)![1];
    }

    /// <summary>Brighter and brighter along every axis, in an empty field of view that is not symmetric.</summary>
    private static Volume<float> Gradient()
    {
        var image = new Volume<float>(VolumeGeometry.Ras((30, 24, 20), (2, 2, 2)));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (i, j, k) = (n % 30, n / 30 % 24, n / 720);
            image.Voxels[n] = i is > 3 and < 22 && j > 4 ? 100 + i * 9 + j * 5 + k * 3 : 0;
        }
        return image;
    }
}
