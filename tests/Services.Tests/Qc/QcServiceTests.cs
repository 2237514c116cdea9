using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>qc as its Program makes it, over the in-memory bus and a folder.</summary>
public sealed class QcServiceTests
{
    [Fact]
    public async Task A_segmentation_gets_a_quality_document_and_an_event_and_a_redelivery_only_the_event()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 3);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(
            folder,
            image,
            Ruin.Drop(labels, 12),
            QcHost.References()
        );
        await host.SayAsync();
        var assessed = await host.HearAsync(1);
        var quality = await host.ReadAsync();
        Assert.Equal(Verdict.Fail, assessed.Verdict);
        Assert.Equal("phantoms@1", quality.ReferenceSet);
        Assert.Equal("rca-single-atlas-uncalibrated", quality.Method);
        Assert.Equal((3, 0), (quality.References, quality.ReferencesFailed));
        Assert.Equal([10, 12, 200], quality.Structures.Select(s => s.Label));
        var thalamus = quality.Structures[0];
        Assert.Equal(Verdict.Pass, thalamus.Verdict);
        Assert.InRange(thalamus.PredictedDice!.Value, 0.6, 1);
        Assert.InRange(
            thalamus.PredictedDice.Value,
            thalamus.IntervalLow!.Value,
            thalamus.MaxDice!.Value
        );
        Assert.InRange(thalamus.VolumeMl, 3, 12);
        Assert.Equal(
            (0, Verdict.Fail),
            (quality.Structures[1].PredictedDice, quality.Structures[1].Verdict)
        );
        Assert.Equal(
            (null, Verdict.Unassessed),
            (quality.Structures[2].PredictedDice, quality.Structures[2].Verdict)
        );

        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(2)).Verdict);
        Assert.Equal(quality.Seconds, (await host.ReadAsync()).Seconds);
    }

    [Fact]
    public async Task A_structure_is_judged_by_its_own_thresholds_and_the_others_by_the_models()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(
            folder,
            image,
            labels,
            QcHost.References() with
            {
                PassDice = 0.99,
            },
            putamenPass: 0.5
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Review, (await host.HearAsync(1)).Verdict);
        var structures = (await host.ReadAsync()).Structures;
        Assert.Equal((10, Verdict.Review), (structures[0].Label, structures[0].Verdict));
        Assert.Equal((12, Verdict.Pass), (structures[1].Label, structures[1].Verdict));
    }

    [Fact]
    public async Task A_model_is_judged_by_the_classifier_it_asks_for()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, 5);
        await using var host = await QcHost.StartAsync(
            folder,
            image,
            Ruin.Drop(labels, 12),
            QcHost.References() with
            {
                Classifier = ReverseClassifiers.AtlasForest,
            }
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("rca-atlas-forest-uncalibrated", quality.Method);
        Assert.Equal((2, 0), (quality.References, quality.ReferencesFailed));
        Assert.InRange(quality.Structures[0].PredictedDice!.Value, 0.5, 1);
        Assert.Equal(0, quality.Structures[1].PredictedDice);
        Assert.Null(quality.Structures[2].PredictedDice);
    }

    [Fact]
    public async Task An_empty_segmentation_fails_with_every_known_structure_predicted_zero()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        var empty = new Volume<byte>(labels.Geometry);
        await using var host = await QcHost.StartAsync(folder, image, empty, QcHost.References());
        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(1)).Verdict);
        var structures = (await host.ReadAsync()).Structures;
        Assert.Equal([0, 0, null], structures.Select(s => s.PredictedDice));
        Assert.All(structures, s => Assert.Equal(0, s.VolumeMl));
    }

    [Fact]
    public async Task A_reference_that_cannot_be_registered_is_left_out_even_where_one_remains()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        ReferencePhantoms.Write(
            folder["mine"],
            2,
            ReferencePhantoms.Noise(labels.Geometry),
            labels
        );
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        await using var host = await QcHost.StartAsync(folder, image, labels, QcHost.References());
        await host.SayAsync();
        Assert.Equal(Verdict.Pass, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal((1, 1), (quality.References, quality.ReferencesFailed));
        Assert.Equal(quality.Structures[0].MaxDice, quality.Structures[0].PredictedDice);
    }

    [Fact]
    public async Task A_model_without_references_is_unassessed_with_its_volumes()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(folder, image, labels, quality: null);
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal((QualityAssessor.None, null), (quality.Method, quality.ReferenceSet));
        Assert.True(quality.Structures[0].VolumeMl > 0);
        Assert.Null(quality.Structures[0].PredictedDice);
    }

    [Fact]
    public async Task A_reference_set_that_is_not_installed_leaves_the_model_unassessed()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        await using var host = await QcHost.StartAsync(folder, image, labels, QcHost.References());
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
    }

    [Fact]
    public async Task A_constant_image_fails_every_reference_and_is_unassessed_rather_than_retried()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        Array.Fill(image.Voxels, 7);
        await using var host = await QcHost.StartAsync(folder, image, labels, QcHost.References());
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal((0, 2), (quality.References, quality.ReferencesFailed));
    }
}
