using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;
using Platform.Training;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class LesionTests
{
    private static readonly LabelAtlas Atlas = HeadPhantom.Atlas().With(TissueTable.LesionValues);

    /// <summary>A ball of 12 mm in the left hemisphere of MNI space.</summary>
    private static readonly LesionMask Ball = new(
        (-50, -30, 0),
        (25, 25, 25),
        [
            .. Enumerable
                .Range(0, 25 * 25 * 25)
                .Select(n =>
                    Square(n % 25 - 12) + Square(n / 25 % 25 - 12) + Square(n / 625 - 12) <= 144
                        ? (byte)1
                        : (byte)0
                ),
        ]
    );

    /// <summary>What the network learns beside lesions.</summary>
    private static readonly Structure White = new()
    {
        Name = "white matter",
        Labels = [2],
        RightLabels = [41],
        Value = 0,
    };

    private static readonly LesionSettings Every = new()
    {
        FocalFraction = 1,
        BandFraction = 1,
        InfarctFraction = 1,
        TumourFraction = 1,
    };

    [Fact]
    public void Lesions_lie_in_the_tissue_they_occur_in_and_nowhere_else()
    {
        var painter = new LesionPainter(Atlas, Every, [Ball]);
        var map = Atlas.Maps[0];
        var seen = new HashSet<int>();
        for (var n = 0; n < 6; n++)
        {
            var painted = painter.Paint(map, new FastRandom(1, n));
            for (var voxel = 0; voxel < map.Indices.Length; voxel++)
            {
                var (before, after) = (
                    Atlas.Values[map.Indices[voxel]],
                    Atlas.Values[painted.Indices[voxel]]
                );
                if (before == after)
                {
                    continue;
                }
                seen.Add(after);
                int[] allowed = after
                    is TissueTable.WhiteMatterLesion
                        or TissueTable.DiffuseChange
                        or TissueTable.Oedema
                    ? [2, 41]
                    : [2, 41, 3, 42, 10, 49];
                Assert.Contains(before, allowed);
            }
        }
        Assert.Equal(TissueTable.LesionValues.Order(), seen.Order());
    }

    [Fact]
    public void A_sample_has_the_same_lesions_every_time_and_its_map_keeps_none()
    {
        var painter = new LesionPainter(Atlas, Every, [Ball]);
        var map = Atlas.Maps[0];
        byte[] before = [.. map.Indices];
        var first = painter.Paint(map, new FastRandom(1, 4)).Indices;
        Assert.NotEqual(first, painter.Paint(map, new FastRandom(1, 5)).Indices);
        var again = new LesionPainter(Atlas, Every, [Ball]).Paint(map, new FastRandom(1, 4));
        Assert.Equal(first, again.Indices);
        Assert.Equal(before, map.Indices);
    }

    [Fact]
    public void A_lesion_is_bright_on_flair_and_dark_on_t1_of_one_head()
    {
        var settings = HeadPhantom.Lesions.Generator;
        var generator = new HeadGenerator(
            Atlas,
            settings with
            {
                SpacingMm = 2,
                Shape = [48, 56, 56],
                Channels = [.. settings.Channels.Select(channel => channel with { Fraction = 1 })],
            },
            new Dictionary<int, byte>
            {
                [TissueTable.WhiteMatterLesion] = 1,
                [2] = 2,
                [41] = 2,
            },
            new LesionPainter(
                Atlas,
                Every with
                {
                    InfarctFraction = 0,
                    TumourFraction = 0,
                    FocalVolumeMm3 = [500, 3000],
                },
                []
            )
        );
        for (var n = 0; n < 5; n++)
        {
            var head = generator.Generate(Atlas.Maps[0], new FastRandom(2, n));
            var (flair, t1) = (head.Images[0], head.Images[1]);
            Assert.True(Mean(flair, 1) > 1.1 * Mean(flair, 2));
            Assert.True(Mean(t1, 1) < 0.98 * Mean(t1, 2));

            double Mean(float[] image, byte label) =>
                image.Where((_, voxel) => head.Labels[voxel] == label).Average();
        }
    }

    [Fact]
    public void A_map_without_ventricles_is_refused_by_name()
    {
        ushort[] labels = [.. HeadPhantom.Labels().Select(v => v is 4 or 43 ? (ushort)2 : v)];
        var atlas = LabelAtlas
            .Build([(HeadPhantom.Shape, labels, "solid")])
            .With(TissueTable.LesionValues);
        var painter = new LesionPainter(atlas, Every, [Ball]);
        var refusal = Assert.Throws<InvalidDataException>(() =>
            painter.Paint(atlas.Maps[0], new FastRandom(1, 1))
        );
        Assert.Contains("solid", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("ventricle", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_cannot_be_are_refused_by_key()
    {
        Refused("lesions.bandMm", Every with { BandMm = [3, 2] });
        Refused("lesions.focalCount", Every with { FocalCount = [0, 9] });
        Refused("lesions.tumourFraction", Every with { TumourFraction = 1.5 });
        Refused(
            "lesions.periventricularAndSubcortical",
            Every with
            {
                PeriventricularAndSubcortical = [0.7, 0.7],
            }
        );
        var shapeless = Assert.Throws<InvalidDataException>(() =>
            new LesionPainter(Atlas, Every, [])
        );
        Assert.Contains("infarctFraction", shapeless.Message, StringComparison.Ordinal);
        using var folder = new TemporaryFolder();
        var empty = Assert.Throws<InvalidDataException>(() => LesionMask.ReadFolder(folder.Path));
        Assert.Contains("--lesion-masks", empty.Message, StringComparison.Ordinal);

        static void Refused(string key, LesionSettings settings)
        {
            var refusal = Assert.Throws<InvalidDataException>(() =>
                new LesionPainter(Atlas, settings, [Ball])
            );
            Assert.Contains(key, refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_lesion_mask_is_read_with_its_place_whatever_its_orientation()
    {
        using var folder = new TemporaryFolder();
        var mask = new Volume<byte>(VolumeGeometry.Ras((20, 22, 24), (1, 1, 1), (-30, -60, 5)));
        mask[4, 7, 9] = mask[5, 7, 9] = 1;
        using (var file = File.Create(Path.Combine(folder.Path, "mask.nii.gz")))
        {
            NiftiWriter.Write(file, Orienter.ToOrientation(mask, "LAS"), NiftiCompression.Gzip);
        }
        var read = Assert.Single(LesionMask.ReadFolder(folder.Path));
        Assert.Equal((2, 1, 1), read.Shape);
        Assert.True(read.Contains(-26, -53, 14) && read.Contains(-25.4, -53, 14));
        Assert.False(read.Contains(-24, -53, 14) || read.Contains(-26, -54, 14));
    }

    [Fact]
    public void Twenty_steps_lower_the_loss_on_a_head_not_trained_on_and_make_a_package_that_runs()
    {
        using var folder = new TemporaryFolder();
        set_num_threads(1);
        var recipe = HeadPhantom.Lesions with
        {
            Structures = [.. HeadPhantom.Lesions.Structures, White],
            Optimisation = HeadPhantom.Lesions.Optimisation with { Bfloat16 = true },
        };
        var task = new LesionTask(recipe, HeadPhantom.Atlas(), [Ball]);
        var before = LossOf(task);
        var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, _ => { });
        trainer.Run(null, resume: false);
        Assert.True(LossOf(task) < 0.9 * before);
        trainer.UseAverage();
        LesionPackageWriter.Write(
            recipe,
            task,
            new("train", "One CPU thread", 20, 2, 1),
            folder.Path
        );
        var package = ModelPackage.Load(
            File.ReadAllBytes(Path.Combine(folder.Path, "model.json")),
            File.ReadAllBytes(Path.Combine(folder.Path, "model.onnx"))
        );
        Assert.Equal(["FLAIR", "T1"], package.Manifest.Input.Channels);
        Assert.Equal(["T1"], package.Manifest.Input.OptionalChannels);
        Assert.Equal(
            (1, 1),
            Assert.Single(package.Manifest.Labels.Select(l => (l.Channel, l.Value)))
        );
        Assert.True(package.Manifest.LargestForegroundOnly);
        using var model = new OnnxModel(package, new() { Threads = 1 });
        var head = task.Sample(99);
        var image = new Volume<float>(VolumeGeometry.Ras(head.Shape, (4, 4, 4)), head.Image);
        var found = new Segmenter(model).Run(image).Volume;
        Assert.Equal(3, model.OutputChannels);
        Assert.Equal(image.Geometry, found.Geometry);
        Assert.All(found.Voxels, label => Assert.InRange(label, 0, 1));
    }

    [Fact]
    public void A_recipe_that_cannot_be_trained_is_refused_by_key()
    {
        var recipe = HeadPhantom.Lesions;
        Refused("lesions", recipe with { Lesions = null });
        Refused(
            "optimisation.patch [9, 9, 10]",
            recipe with
            {
                Optimisation = recipe.Optimisation with { Patch = [9, 9, 10] },
            }
        );
        Refused(
            "network.widths",
            recipe with
            {
                Network = new() { Widths = [2, 2, 2], OutputWidth = 8 },
            }
        );
        Refused("structures", recipe with { Structures = [White] });
        Refused(
            "structures",
            recipe with
            {
                Structures = [recipe.Structures[0], White, recipe.Structures[0]],
            }
        );
        Refused(
            "generator.channels",
            recipe with
            {
                Generator = recipe.Generator with { Channels = [] },
            }
        );

        static void Refused(string key, Recipe recipe)
        {
            var refusal = Assert.Throws<InvalidDataException>(() =>
                new LesionTask(recipe, HeadPhantom.Atlas(), [Ball])
            );
            Assert.Contains(key, refusal.Message, StringComparison.Ordinal);
        }
    }

    private static float LossOf(LesionTask task)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        task.Network.train();
        var batch = task.Draw(9_999).First();
        return task.Loss(task.Network.forward(batch.Input), batch.Target).item<float>();
    }

    private static int Square(int n) => n * n;
}
