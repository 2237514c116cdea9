using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>What qc says without references: by a network that predicts the Dice, or by how well runs on altered images agreed.</summary>
public sealed class DirectEstimatesTests
{
    private static readonly QualitySettings ByRegressor = new()
    {
        Regressor = "heads-quality@1.0.0",
        PassDice = 0.6,
        ReviewDice = 0.4,
    };

    [Fact]
    public async Task Without_references_the_verdict_rests_on_the_regressor_and_a_structure_it_was_not_shown_is_unassessed()
    {
        using var folder = new TemporaryFolder();
        TinyPackage.Regression(folder["blobs"], "heads-quality", (10, 0.95f), (12, 0.5f), (200, 1));
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(folder, image, labels, ByRegressor);
        await host.SayAsync();
        Assert.Equal(Verdict.Review, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("regression", quality.Method);
        Assert.Null(quality.ReferenceSet);
        var (thalamus, putamen, absent) = (
            quality.Structures[0],
            quality.Structures[1],
            quality.Structures[2]
        );
        Assert.Equal(Verdict.Pass, thalamus.Verdict);
        Assert.Equal(0.95, thalamus.PredictedDice!.Value, 1e-3);
        Assert.Equal(0.95, thalamus.RegressedDice!.Value, 1e-3);
        Assert.Equal(0.85, thalamus.IntervalLow!.Value, 1e-3);
        Assert.Equal(1, thalamus.IntervalHigh!.Value);
        Assert.Null(thalamus.MaxDice);
        Assert.Equal(Verdict.Review, putamen.Verdict);
        Assert.Equal((Verdict.Unassessed, null), (absent.Verdict, absent.PredictedDice));
    }

    [Fact]
    public async Task Beside_references_the_regressor_is_reported_and_decides_nothing()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        TinyPackage.Regression(folder["blobs"], "heads-quality", (10, 0.1f));
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(
            folder,
            image,
            labels,
            QcHost.References() with
            {
                Regressor = "heads-quality@1.0.0",
            }
        );
        await host.SayAsync();
        await host.HearAsync(1);
        var quality = await host.ReadAsync();
        Assert.Equal("rca-single-atlas-uncalibrated", quality.Method);
        Assert.Equal(0.1, quality.Structures[0].RegressedDice!.Value, 1e-3);
        Assert.Equal(Verdict.Pass, quality.Structures[0].Verdict);
        Assert.Null(quality.Structures[1].RegressedDice);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_regressor_that_is_not_installed_or_an_image_without_contrast_leaves_it_unassessed(
        bool constant
    )
    {
        using var folder = new TemporaryFolder();
        if (constant)
        {
            TinyPackage.Regression(folder["blobs"], "heads-quality", (10, 0.95f));
        }
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(
            folder,
            constant ? new Volume<float>(image.Geometry) : image,
            labels,
            ByRegressor
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("none", quality.Method);
        Assert.All(quality.Structures, structure => Assert.Null(structure.PredictedDice));
        Assert.True(quality.Structures[0].VolumeMl > 0);
    }

    [Fact]
    public async Task Without_references_and_regressor_the_verdict_rests_on_the_agreement_the_segmentation_left()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(
            folder,
            image,
            labels,
            new()
            {
                Agreement = [SegmentationAgreement.Noise],
                PassDice = 0.6,
                ReviewDice = 0.4,
            }
        );
        await host.Blobs.TryCreateJsonAsync(
            BlobNames.Provenance(QcHost.Study, "heads@1.0.0", "s1"),
            new OutputProvenance
            {
                Model = "heads@1.0.0",
                ModelDigest = "",
                InputDigest = "",
                CodeVersion = "0",
                ExecutionProvider = "cpu",
                Agreement = new Dictionary<int, double> { [10] = 0.9, [12] = 0.3 },
            },
            default
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("agreement", quality.Method);
        Assert.Equal(
            [(0.9, Verdict.Pass), (0.3, Verdict.Fail), (null, Verdict.Unassessed)],
            quality.Structures.Select(s => (s.PredictedDice, s.Verdict))
        );
        Assert.Equal(0.9, quality.Structures[0].Agreement);
        Assert.Null(quality.Structures[0].IntervalLow);
    }
}
