using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

/// <summary>A time series is as good as its worst frame, and costs no more than a few.</summary>
public sealed class TimeSeriesQualityTests
{
    [Fact]
    public async Task A_time_series_is_judged_by_its_worst_frame_and_lists_all()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, 5);
        // Of five frames the first, the third and the last are assessed; the third lacks the putamen, and the second too.
        var without = Ruin.Drop(labels, 12);
        Volume<byte>[] frames = [labels, without, without, labels, labels];
        await using var host = await QcHost.StartAsync(
            folder,
            [.. frames.Select(_ => image)],
            frames,
            QcHost.References() with
            {
                Classifier = ReverseClassifiers.AtlasForest,
            },
            settings: new Dictionary<string, string?> { ["Qc:MaxFrames"] = "3" }
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("rca-atlas-forest-uncalibrated", quality.Method);
        Assert.Equal((2, 0), (quality.References, quality.ReferencesFailed));
        var putamen = quality.Structures[1];
        Assert.Equal((3, 0, 0), (putamen.Frame, putamen.PredictedDice, putamen.VolumeMl));
        var frame = putamen.Frames!;
        Assert.Equal([0.0, 40, 80, 120, 160], frame.Select(one => one.TimeMs!.Value));
        Assert.Equal(
            [true, false, true, false, true],
            frame.Select(one => one.PredictedDice is not null)
        );
        Assert.Equal([true, false, false, true, true], frame.Select(one => one.VolumeMl > 0));
        Assert.Equal(Verdict.Fail, frame[2].Verdict);
        Assert.Equal(Verdict.Unassessed, frame[1].Verdict);
        // The same image and labels give the same forest.
        Assert.Equal(frame[0], frame[4] with { TimeMs = 0 });
        Assert.True(frame[0].PredictedDice > 0);

        await host.SayAsync();
        Assert.Equal(Verdict.Fail, (await host.HearAsync(2)).Verdict);
    }

    [Fact]
    public async Task A_time_series_of_a_model_without_references_is_measured()
    {
        using var folder = new TemporaryFolder();
        var (image, labels) = BrainPhantom.Subject(100, 5);
        await using var host = await QcHost.StartAsync(
            folder,
            [image, image],
            [labels, Ruin.Drop(labels, 12)],
            null
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        var quality = await host.ReadAsync();
        Assert.Equal("none", quality.Method);
        var volumes = quality.Structures[1].Frames!.Select(frame => frame.VolumeMl).ToList();
        Assert.True(volumes[0] > 0);
        Assert.Equal(0, volumes[1]);
    }

    [Fact]
    public async Task A_time_series_is_not_assessed_by_a_classifier_that_is_fitted_to_single_volumes()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1, spacing: 5);
        ReferenceSetBuilder.Build(folder["mine"], folder["blobs/references/phantoms/1"]);
        var (image, labels) = BrainPhantom.Subject(100, 5);
        await using var host = await QcHost.StartAsync(
            folder,
            [image, image],
            [labels, labels],
            QcHost.References() with
            {
                Classifier = ReverseClassifiers.ConstrainedCnn,
            },
            settings: new Dictionary<string, string?> { ["Qc:Training"] = "true" }
        );
        await host.SayAsync();
        Assert.Equal(Verdict.Unassessed, (await host.HearAsync(1)).Verdict);
        Assert.Equal("none", (await host.ReadAsync()).Method);
    }

    [Theory]
    [InlineData(20, 8, new[] { 0, 3, 5, 8, 11, 14, 16, 19 })]
    [InlineData(5, 8, new[] { 0, 1, 2, 3, 4 })]
    [InlineData(1000, 2, new[] { 0, 999 })]
    [InlineData(7, 1, new[] { 0 })]
    public void Frames_that_are_assessed_are_spread_evenly(int frames, int most, int[] assessed) =>
        Assert.Equal(assessed, SeriesQuality.Assessed(frames, most).Order());
}
