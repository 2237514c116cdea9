using Platform.Imaging;
using Platform.Testing;

namespace Platform.Qc.Tests;

public sealed class ReferenceSetTests
{
    [Fact]
    public async Task A_folder_of_pairs_becomes_a_set_without_their_names()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        Assert.Equal(Path.Combine(folder["sets"], "brains", "1"), path);
        Assert.Equal(
            [
                "01.image.nii.zst",
                "01.labels.nii.zst",
                "02.image.nii.zst",
                "02.labels.nii.zst",
                "set.json",
            ],
            Directory.EnumerateFiles(path).Select(Path.GetFileName).Order()
        );
        Assert.DoesNotContain("jane", File.ReadAllText(Path.Combine(path, "set.json")));
        var set = await ReferenceSet.FromFolderAsync(path);
        Assert.Equal(("brains@1", 2), (set.Manifest.Id, set.References.Count));
        Assert.Equal([12.0, 6, 3], set.Registration.SpacingsMm);
        Assert.Null(set.Calibration);
    }

    [Fact]
    public void A_version_is_never_overwritten()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        var error = Assert.Throws<InvalidDataException>(() =>
            ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1")
        );
        Assert.Contains("brains@1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_without_labels_is_refused_by_its_position_not_its_name()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        File.Delete(Path.Combine(folder["mine"], "jane-doe-2.labels.nii"));
        var error = Assert.Throws<InvalidDataException>(() =>
            ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1")
        );
        Assert.Contains("image 2", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("jane", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_pair_is_brought_to_two_millimetres()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1, spacing: 1.3);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        using var stream = File.OpenRead(Path.Combine(path, "01.image.nii.zst"));
        Assert.InRange(NiftiReader.ReadHeader(stream).Geometry.Spacing.I, 1.95, 2.05);
    }

    [Fact]
    public async Task A_file_that_changed_is_found_by_its_digest()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        await using (
            var file = new FileStream(Path.Combine(path, "01.labels.nii.zst"), FileMode.Open)
        )
        {
            file.Seek(-3, SeekOrigin.End);
            file.WriteByte(77);
        }
        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceSet.FromFolderAsync(path)
        );
        Assert.Contains("01.labels.nii.zst", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leave_one_out_writes_a_calibration_that_predicts_real_dice()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 3, spacing: 4);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        var calibration = await ReferenceSetBuilder.CalibrateAsync(path);
        Assert.Equal(3, calibration.References);
        Assert.True(calibration.Pooled.Correlation > 0.9, $"r {calibration.Pooled.Correlation:f3}");
        Assert.True(
            calibration.Pooled.MeanAbsoluteError <= calibration.Pooled.RawMeanAbsoluteError
        );
        Assert.InRange(calibration.Pooled.Coverage, 0.88, 1);
        var loaded = await ReferenceSet.FromFolderAsync(path);
        Assert.Equal(calibration.Pooled.Margin, loaded.Calibration!.Pooled.Margin);
    }

    [Fact]
    public async Task A_set_of_one_cannot_be_evaluated_and_says_so()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets"], "brains", "1");
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceSetBuilder.CalibrateAsync(path)
        );
    }

    [Fact]
    public void Degraded_labels_span_real_dice_from_one_to_almost_none()
    {
        var (_, labels) = BrainPhantom.Subject(1, ReferencePhantoms.Spacing);
        var dice = ReferenceSetBuilder
            .Severities.Select(severity =>
                LabelMeasures
                    .Overlaps(labels, SegmentationDegrader.Degrade(labels, severity, 7))
                    .Where(o => o.First > 0)
                    .Average(o => o.Dice)
            )
            .ToArray();
        Assert.Equal(1, dice[0]);
        Assert.InRange(dice[^1], 0, 0.45);
        Assert.Contains(dice, d => d is > 0.6 and < 0.9);
    }
}
