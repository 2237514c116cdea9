using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;

namespace Platform.Qc.Tests;

public sealed class ReferenceSetTests
{
    [Fact]
    public async Task A_folder_of_pairs_becomes_a_set_without_their_names()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        Assert.Equal(folder["sets/brains/1"], path);
        Assert.Equal(
            [
                "01.image.nii.zst",
                "01.labels.nii.zst",
                "02.image.nii.zst",
                "02.labels.nii.zst",
                "features.json",
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
    public async Task Registration_settings_come_from_a_file()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        File.WriteAllText(
            folder["registration.json"],
            """{ "similarity": "MutualInformation", "affineIterations": [9] }"""
        );
        var settings = ReferenceSetBuilder.ReadRegistration(folder["registration.json"]);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"], settings);
        var registration = (await ReferenceSet.FromFolderAsync(path)).Registration;
        Assert.Equal(Imaging.Registration.Similarity.MutualInformation, registration.Similarity);
        Assert.Equal([9], registration.AffineIterations);
    }

    [Theory]
    [InlineData("""{ "similarty": "MutualInformation" }""", "similarty")]
    [InlineData("""{ "similarity": "Mutual" }""", "$.similarity")]
    [InlineData("[", "cannot be read")]
    public void Settings_that_do_not_exist_are_refused_by_their_name(string json, string says)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["registration.json"], json);
        var error = Assert.Throws<InvalidDataException>(() =>
            ReferenceSetBuilder.ReadRegistration(folder["registration.json"])
        );
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_is_never_overwritten()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        var error = Assert.Throws<InvalidDataException>(() =>
            ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"])
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
            ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"])
        );
        Assert.Contains("image 2", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("jane", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_pair_is_brought_to_two_millimetres()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1, spacing: 1.3);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        using var stream = File.OpenRead(Path.Combine(path, "01.image.nii.zst"));
        Assert.InRange(NiftiReader.ReadHeader(stream).Geometry.Spacing.I, 1.95, 2.05);
    }

    [Fact]
    public async Task A_file_that_changed_is_found_by_its_digest()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
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
    public void The_nearest_reference_to_a_head_is_itself_whatever_its_intensity_units()
    {
        var set = ReferencePhantoms.Set(4, nearest: 1);
        for (var seed = 1; seed <= 4; seed++)
        {
            var (image, _) = BrainPhantom.Subject(seed, ReferencePhantoms.Spacing);
            var other = new Volume<float>(
                image.Geometry,
                [.. image.Voxels.Select(v => 7.5f * v + 30)]
            );
            Assert.Same(set.References[seed - 1], Assert.Single(set.Nearest(other)));
        }
    }

    [Fact]
    public async Task Stored_features_decide_which_references_are_near()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        ReferenceSetBuilder.WriteManifest(
            path,
            ReferenceSetBuilder.ReadManifest(path)! with
            {
                Nearest = 1,
            }
        );
        var (image, _) = BrainPhantom.Subject(1, ReferencePhantoms.Spacing);
        Assert.Equal(0, await NearestAsync());
        // Exchanged, they lead to the other reference; of another method, they are not believed.
        var json = File.ReadAllText(Path.Combine(path, "features.json"));
        var digests = ReferenceSetBuilder
            .ReadManifest(path)!
            .Files.Where(f => f.Name.Contains(".image.", StringComparison.Ordinal))
            .Select(f => f.Sha256)
            .ToArray();
        var exchanged = json.Replace(digests[0], "x", StringComparison.Ordinal)
            .Replace(digests[1], digests[0], StringComparison.Ordinal)
            .Replace("\"x\"", $"\"{digests[1]}\"", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(path, "features.json"), exchanged);
        Assert.Equal(1, await NearestAsync());
        File.WriteAllText(
            Path.Combine(path, "features.json"),
            exchanged.Replace(ReferenceFeatures.Current, "of yore", StringComparison.Ordinal)
        );
        Assert.Equal(0, await NearestAsync());

        async Task<int> NearestAsync()
        {
            var set = await ReferenceSet.FromFolderAsync(path);
            return set.References.ToList().IndexOf(set.Nearest(image).Single());
        }
    }

    [Fact]
    public async Task A_set_is_begun_and_grows_scan_by_scan_and_takes_its_name_from_its_folder()
    {
        using var folder = new TemporaryFolder();
        for (var seed = 1; seed <= 2; seed++)
        {
            var (image, labels) = Pair(folder, seed);
            Assert.Equal(
                2 * seed,
                ReferenceSetBuilder.Add(folder["sets/brains/7"], image, labels).Files.Count
            );
        }
        var set = await ReferenceSet.FromFolderAsync(folder["sets/brains/7"]);
        Assert.Equal(("brains@7", 2), (set.Manifest.Id, set.References.Count));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(folder["sets/brains/7"]),
            file => File.ReadAllText(file).Contains("jane", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_pair_that_does_not_belong_is_refused_and_leaves_the_set_as_it_was()
    {
        using var folder = new TemporaryFolder();
        var set = folder["sets/brains/1"];
        var (image, labels) = Pair(folder, 1);
        ReferenceSetBuilder.Add(set, image, labels);
        var before = File.ReadAllText(Path.Combine(set, "set.json"));
        var (head, known) = BrainPhantom.Subject(2, ReferencePhantoms.Spacing);
        var empty = new Volume<byte>(known.Geometry);
        var foreign = new Volume<byte>(
            known.Geometry,
            [.. known.Voxels.Select(v => v == 0 ? (byte)0 : (byte)201)]
        );
        var (_, coarse) = BrainPhantom.Subject(2, 4);
        Refused("already, as '01.image.nii.zst'", (image, labels));
        Refused("two grids", ReferencePhantoms.Write(folder["coarse"], 2, head, coarse));
        Refused(
            "(201) are none of the set's (",
            ReferencePhantoms.Write(folder["f"], 2, head, foreign)
        );
        Assert.Throws<VolumeException>(() =>
        {
            var (i, l) = ReferencePhantoms.Write(folder["empty"], 2, head, empty);
            ReferenceSetBuilder.Add(set, i, l);
        });
        Assert.Equal(before, File.ReadAllText(Path.Combine(set, "set.json")));
        Assert.Equal(4, Directory.GetFiles(set).Length);
        File.WriteAllText(Path.Combine(set, "calibration.json"), "{}");
        Refused("is evaluated", ReferencePhantoms.Write(folder["good"], 2, head, known));

        void Refused(string why, (string Image, string Labels) pair)
        {
            var error = Assert.Throws<InvalidDataException>(() =>
                ReferenceSetBuilder.Add(set, pair.Image, pair.Labels)
            );
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("jane", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Leave_one_out_writes_a_calibration_that_predicts_real_dice_and_a_report()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 3, spacing: 4);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        var calibration = await ReferenceEvaluation.RunAsync(path);
        Assert.Equal(3, calibration.References);
        Assert.True(calibration.Pooled.Correlation > 0.9, $"r {calibration.Pooled.Correlation:f3}");
        Assert.True(
            calibration.Pooled.MeanAbsoluteError <= calibration.Pooled.RawMeanAbsoluteError
        );
        Assert.InRange(calibration.Pooled.Coverage, 0.88, 1);
        Assert.Equal(BrainPhantom.Labels.Order(), calibration.Structures.Keys);
        Assert.Equal(calibration.Pooled.Samples, calibration.Structures.Values.Sum(s => s.Samples));
        var loaded = await ReferenceSet.FromFolderAsync(path);
        Assert.Equal(calibration.Pooled.Margin, loaded.Calibration!.Pooled.Margin);
        var report = File.ReadAllText(Path.Combine(path, "report.md"));
        Assert.Contains("| 03 | 2 | 0 | ", report, StringComparison.Ordinal);
        foreach (var plot in new[] { "predicted.png", "risk.png", "coverage.png" })
        {
            Assert.Contains($"({plot})", report, StringComparison.Ordinal);
            Assert.Equal(0x89, File.ReadAllBytes(Path.Combine(path, plot))[0]);
        }

        // Maps of another number of references would mislead.
        ReferenceSetBuilder.WriteManifest(path, loaded.Manifest with { Nearest = 2 });
        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceSet.FromFolderAsync(path)
        );
        Assert.Contains("evaluate the set again", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reference_of_other_anatomy_or_without_a_structure_is_said_and_spoils_nothing()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 3, spacing: 4);
        var (head, labels) = BrainPhantom.Subject(4, 4);
        ReferencePhantoms.Write(folder["mine"], 4, head, Ruin.Drop(labels, 12));
        ReferencePhantoms.Write(
            folder["mine"],
            5,
            ReferencePhantoms.Noise(labels.Geometry),
            labels
        );
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        var calibration = await ReferenceEvaluation.RunAsync(path);
        var report = File.ReadAllText(Path.Combine(path, "report.md"));
        Assert.Contains("| 01 | 3 | 1 | ", report, StringComparison.Ordinal);
        Assert.Single(
            report.Split('\n'),
            line => line.Contains("strange", StringComparison.Ordinal)
        );
        Assert.Contains(
            "| 05 | ",
            report.Split('\n').Single(l => l.Contains("strange", StringComparison.Ordinal)),
            StringComparison.Ordinal
        );
        Assert.Equal(4, calibration.References);
        // Four references have every structure but the putamen, which three have.
        Assert.Equal(
            (4 * ReferenceSetBuilder.Severities.Length, 3 * ReferenceSetBuilder.Severities.Length),
            (calibration.For(10).Samples, calibration.For(12).Samples)
        );
        Assert.True(calibration.Correlation > 0.85, $"r {calibration.Correlation:f3}");
    }

    [Fact]
    public async Task The_number_of_nearest_references_is_kept_with_the_set_and_its_calibration()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 4, spacing: 4);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        await ReferenceEvaluation.RunAsync(path, nearest: 2);
        var set = await ReferenceSet.FromFolderAsync(path);
        Assert.Equal((2, 2, 2), (set.Consulted, set.Manifest.Nearest, set.Calibration!.Nearest));
        Assert.Contains(
            "| 04 | 2 | 0 | ",
            File.ReadAllText(Path.Combine(path, "report.md")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_calibration_serves_the_classifier_it_was_fitted_with_and_no_other()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 2, spacing: 5);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        await ReferenceEvaluation.RunAsync(path, classifier: ReverseClassifiers.AtlasForest);
        var set = await ReferenceSet.FromFolderAsync(path);
        Assert.Equal(ReverseClassifiers.AtlasForest, set.Calibration!.Classifier);
        Assert.Same(set.Calibration, set.CalibrationFor(new AtlasForestClassifier(set, 1)));
        Assert.Null(set.CalibrationFor(new SingleAtlasClassifier(set, 1)));
        Assert.Contains(
            "atlas-forest",
            File.ReadAllText(Path.Combine(path, "report.md")),
            StringComparison.Ordinal
        );
        // A file of an earlier version does not say: it is of the only classifier there was.
        var file = Path.Combine(path, "calibration.json");
        var earlier = File.ReadAllText(file)
            .Replace("\"classifier\": \"atlas-forest\",", "", StringComparison.Ordinal);
        Assert.DoesNotContain("atlas-forest", earlier, StringComparison.Ordinal);
        File.WriteAllText(file, earlier);
        set = await ReferenceSet.FromFolderAsync(path);
        Assert.NotNull(set.CalibrationFor(new SingleAtlasClassifier(set, 1)));
        Assert.Null(set.CalibrationFor(new AtlasForestClassifier(set, 1)));

        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceEvaluation.RunAsync(path, classifier: "oracle")
        );
        Assert.Contains("'oracle' is none of", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_set_of_one_cannot_be_evaluated_and_says_so()
    {
        using var folder = new TemporaryFolder();
        ReferencePhantoms.Write(folder["mine"], 1);
        var path = ReferenceSetBuilder.Build(folder["mine"], folder["sets/brains/1"]);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ReferenceEvaluation.RunAsync(path)
        );
        Assert.Contains("set of one", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Degraded_labels_span_real_dice_from_nearly_one_to_almost_none()
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
        Assert.InRange(dice[0], 0.9, 0.99);
        Assert.InRange(dice[^1], 0, 0.45);
        // No two steps of a staircase with nothing between them: a map would be drawn straight through.
        Assert.All(
            dice.Zip(dice.Skip(1)),
            step => Assert.InRange(step.First - step.Second, 0, 0.3)
        );
    }

    private static (string Image, string Labels) Pair(TemporaryFolder folder, int seed)
    {
        var (image, labels) = BrainPhantom.Subject(seed, ReferencePhantoms.Spacing);
        return ReferencePhantoms.Write(folder["pairs"], seed, image, labels);
    }
}
