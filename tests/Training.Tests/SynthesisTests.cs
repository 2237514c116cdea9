using Platform.Imaging;
using Platform.Testing;
using Platform.Training;
using Platform.Training.Synthesis;

namespace Training.Tests;

public sealed class SynthesisTests
{
    private static readonly LabelAtlas Atlas = HeadPhantom.Atlas();
    private static readonly Dictionary<int, byte> Classes = StructureTask.ClassOf(
        HeadPhantom.Structures
    );

    [Fact]
    public void The_same_seed_and_index_give_the_same_head_and_another_index_another()
    {
        var generator = new HeadGenerator(Atlas, HeadPhantom.Brain.Generator, Classes);
        var first = generator.Generate(Atlas.Maps[0], new FastRandom(3, 5));
        var again = generator.Generate(Atlas.Maps[0], new FastRandom(3, 5));
        var other = generator.Generate(Atlas.Maps[0], new FastRandom(3, 6));
        Assert.Equal(first.Image, again.Image);
        Assert.Equal(first.Labels, again.Labels);
        Assert.NotEqual(first.Image, other.Image);
    }

    [Fact]
    public void Without_deformation_every_structure_keeps_its_volume_within_3_percent()
    {
        var generator = new HeadGenerator(Atlas, HeadPhantom.Still, Classes);
        var head = generator.Generate(Atlas.Maps[0], new FastRandom(1, 0));
        var map = Atlas.Maps[0];
        for (var n = 0; n < HeadPhantom.Structures.Count; n++)
        {
            var structure = HeadPhantom.Structures[n];
            var drawn = head.Labels.Count(label => label == n + 1) * 64.0;
            var known = map.Indices.Count(index =>
                structure.Labels.Contains(Atlas.Values[index])
                || structure.RightLabels.Contains(Atlas.Values[index])
            );
            Assert.InRange(drawn / known, 0.97, 1.03);
        }
    }

    [Fact]
    public void Skull_stripping_darkens_what_is_outside_the_brain_and_leaves_the_labels()
    {
        var whole = new HeadGenerator(Atlas, HeadPhantom.Still, Classes).Generate(
            Atlas.Maps[0],
            new FastRandom(1, 0)
        );
        var stripped = new HeadGenerator(
            Atlas,
            HeadPhantom.Still with
            {
                StrippedFraction = 1,
            },
            Classes
        ).Generate(Atlas.Maps[0], new FastRandom(1, 0));
        Assert.Equal(whole.Labels, stripped.Labels);
        Assert.True(Outside(stripped) < 0.5 * Outside(whole));

        static double Outside(SyntheticHead head) =>
            head.Image.Where((_, n) => head.Labels[n] == 0).Sum();
    }

    [Fact]
    public void Grey_matter_is_brighter_than_white_on_FLAIR_like_heads_and_darker_on_T1_like_ones()
    {
        var classes = new Dictionary<int, byte>
        {
            [2] = 1,
            [41] = 1,
            [3] = 2,
            [42] = 2,
        };
        foreach (var (t1, flair) in new[] { (1.0, 0.0), (0.0, 1.0) })
        {
            var generator = new HeadGenerator(
                Atlas,
                HeadPhantom.Still with
                {
                    T1Fraction = t1,
                    FlairFraction = flair,
                    Gamma = 0,
                    Noise = 0.01,
                },
                classes
            );
            for (var n = 0; n < 4; n++)
            {
                var head = generator.Generate(Atlas.Maps[0], new FastRandom(31, n));
                Assert.Equal(t1 > 0, Mean(1) > Mean(2));

                double Mean(byte label) =>
                    head.Image.Where((_, voxel) => head.Labels[voxel] == label).Average();
            }
        }
    }

    [Fact]
    public void A_label_that_no_tissue_has_is_named_and_is_background_in_the_target()
    {
        var labels = HeadPhantom.Labels();
        for (var n = 0; n < labels.Length; n++)
        {
            labels[n] = labels[n] == 4 ? (ushort)999 : labels[n];
        }
        var atlas = LabelAtlas.Build([(HeadPhantom.Shape, labels, "odd")]);
        Assert.Equal([999], atlas.Unknown);
        var head = new HeadGenerator(atlas, HeadPhantom.Still, Classes).Generate(
            atlas.Maps[0],
            new FastRandom(1, 0)
        );
        var ventricles = head.Labels.Count(label => label == 3);
        var before = new HeadGenerator(Atlas, HeadPhantom.Still, Classes)
            .Generate(Atlas.Maps[0], new FastRandom(1, 0))
            .Labels.Count(label => label == 3);
        Assert.InRange(ventricles, before * 0.4, before * 0.6);
    }

    [Fact]
    public void Label_maps_are_read_into_RAS_whatever_their_orientation()
    {
        using var folder = new TemporaryFolder();
        var upright = new Volume<ushort>(
            VolumeGeometry.Ras(HeadPhantom.Shape, (1, 1, 1)),
            HeadPhantom.Labels()
        );
        using (var file = File.Create(Path.Combine(folder.Path, "lia.nii.gz")))
        {
            NiftiWriter.Write(file, Orienter.ToOrientation(upright, "LIA"), NiftiCompression.Gzip);
        }
        var read = LabelFolder.Read(folder.Path);
        var expected = LabelAtlas.Build([(HeadPhantom.Shape, upright.Voxels, "upright")]);
        Assert.Equal(expected.Maps[0].Shape, read.Maps[0].Shape);
        Assert.Equal(
            expected.Maps[0].Indices.Select(n => expected.Values[n]),
            read.Maps[0].Indices.Select(n => read.Values[n])
        );
    }

    [Fact]
    public void A_label_map_that_is_not_at_1_mm_is_refused_with_its_spacing()
    {
        using var folder = new TemporaryFolder();
        using (var file = File.Create(Path.Combine(folder.Path, "coarse.nii")))
        {
            NiftiWriter.Write(file, new Volume<ushort>(VolumeGeometry.Ras((4, 4, 4), (2, 2, 2))));
        }
        var refusal = Assert.Throws<InvalidDataException>(() => LabelFolder.Read(folder.Path));
        Assert.Contains("2×2×2", refusal.Message, StringComparison.Ordinal);
    }
}
