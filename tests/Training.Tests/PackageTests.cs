using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;
using Platform.Training;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Training.Tests;

public sealed class PackageTests
{
    private static readonly LabelAtlas Atlas = HeadPhantom.Atlas();
    private static readonly RunSummary Run = new("train", "One CPU thread", 6, 2, 1);

    [Fact]
    public void The_exported_segmentation_gives_the_logits_of_torch_within_1e_4()
    {
        using var folder = new TemporaryFolder();
        var task = Trained(HeadPhantom.Brain, folder.Path);
        Compare(folder.Path, task.Network, [1, 1, 16, 24, 20]);
    }

    [Fact]
    public void A_training_that_begins_with_a_package_begins_where_it_ended()
    {
        using var folder = new TemporaryFolder();
        var recipe = HeadPhantom.Brain;
        Trained(recipe, folder.Path);
        var package = Package(folder.Path);
        var again = new StructureTask(recipe with { Seed = recipe.Seed + 1 }, Atlas);
        again.StartFrom(package).Finish();
        Compare(folder.Path, again.Network, [1, 1, 16, 24, 20]);

        var wider = recipe with
        {
            Network = recipe.Network with
            {
                Widths = [recipe.Network.Widths[0] + 4, .. recipe.Network.Widths.Skip(1)],
            },
        };
        var e = Assert.Throws<InvalidDataException>(() =>
            new StructureTask(wider, Atlas).StartFrom(package)
        );
        Assert.Contains("where the network of the recipe has", e.Message, StringComparison.Ordinal);
        var deeper = recipe with
        {
            Network = recipe.Network with
            {
                Widths = [.. recipe.Network.Widths, recipe.Network.Widths[^1]],
            },
        };
        e = Assert.Throws<InvalidDataException>(() =>
            new StructureTask(deeper, Atlas).StartFrom(package)
        );
        Assert.Contains("layers, the network of the recipe", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nothing")]
    [InlineData("nothing@1.0.0")]
    public void A_model_to_begin_with_that_is_not_installed_is_refused_by_name(string id)
    {
        var e = Assert.Throws<InvalidDataException>(() =>
            InstalledModels.Load(id, "recipe x: \"start\"")
        );
        Assert.Contains($"'{id}'", e.Message, StringComparison.Ordinal);
        Assert.Contains("\"start\"", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_structure_the_network_finds_hard_passes_from_less_unless_the_recipe_states_its_own()
    {
        Structure Named(string name) =>
            new()
            {
                Name = name,
                Labels = [1],
                Value = 1,
            };
        var structures = PackageWriter.WithThresholds(
            [
                Named("easy"),
                Named("hard"),
                Named("hopeless"),
                Named("stated") with
                {
                    PassDice = 0.6,
                },
                Named("never seen"),
            ],
            [0.91, 0.544, 0.02, 0.9, double.NaN]
        );
        Assert.Equal(
            [(null, null), (0.44, 0.24), (0.3, 0.1), (0.6, 0.4), (null, null)],
            structures.Select(s => (s.PassDice, s.ReviewDice))
        );
        Assert.Equal(
            (0.44, 0.24),
            ReferenceSetBuilder
                .Labels(structures)
                .Select(l => (l.PassDice, l.ReviewDice))
                .ElementAt(1)
        );
    }

    [Fact]
    public void The_exported_super_resolution_gives_the_residual_of_torch_within_1e_4()
    {
        using var folder = new TemporaryFolder();
        set_num_threads(1);
        var recipe = HeadPhantom.Slices;
        var task = new SuperResolutionTask(recipe, Atlas);
        PackageWriter.Write(recipe, task, Run, folder.Path);
        Compare(folder.Path, task.Network, [1, 1, 7, 18, 13]);
    }

    [Fact]
    public void A_reference_set_is_written_with_its_digests_and_the_models_label_values()
    {
        using var folder = new TemporaryFolder();
        var recipe = new ReferenceRecipe
        {
            Name = "phantom",
            Version = "1",
            Seed = 1,
            Count = 2,
            MarginMm = 8,
            Generator = HeadPhantom.Still,
        };
        ReferenceSetBuilder.Write(recipe, HeadPhantom.Structures, Atlas, folder.Path);
        Assert.Equal(5, Directory.GetFiles(folder.Path).Length);
        using var stream = File.OpenRead(Path.Combine(folder.Path, "01.labels.nii.zst"));
        var labels = NiftiReader.ReadLabels(stream);
        Assert.Equal(
            [0, 2, 3, 4, 10, 43, 49],
            labels.Voxels.Distinct().Order().Select(v => (int)v)
        );
        // RAS: i grows to the right, and the phantom's left structures have small i.
        Assert.True(
            Enumerable
                .Range(0, labels.Voxels.Length)
                .Where(n => labels.Voxels[n] == 4)
                .Average(n => n % labels.Geometry.Shape.I)
                < Enumerable
                    .Range(0, labels.Voxels.Length)
                    .Where(n => labels.Voxels[n] == 43)
                    .Average(n => n % labels.Geometry.Shape.I)
        );
        var set = File.ReadAllText(Path.Combine(folder.Path, "set.json"));
        Assert.Contains(
            Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData(
                    File.ReadAllBytes(Path.Combine(folder.Path, "02.image.nii.zst"))
                )
            ),
            set,
            StringComparison.Ordinal
        );
    }

    /// <summary>A few steps, so that the folded statistics are not those of a new network; packaged.</summary>
    private static StructureTask Trained(Recipe recipe, string folder)
    {
        set_num_threads(1);
        var task = new StructureTask(recipe, Atlas);
        var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, _ => { });
        trainer.Run(null, resume: false, until: 6);
        trainer.UseAverage();
        PackageWriter.Write(recipe, task, Run, folder);
        return task;
    }

    private static ModelPackage Package(string folder) =>
        ModelPackage.Load(
            File.ReadAllBytes(Path.Combine(folder, "model.json")),
            File.ReadAllBytes(Path.Combine(folder, "model.onnx"))
        );

    internal static ModelManifest Compare(
        string folder,
        nn.Module<Tensor, Tensor> network,
        long[] shape
    )
    {
        var package = Package(folder);
        using var model = new OnnxModel(package, new() { Device = ComputeDevice.Cpu, Threads = 1 });
        using var none = no_grad();
        random.manual_seed(3);
        var input = randn(shape);
        network.eval();
        var expected = network.forward(input);
        var largest = double.NaN;
        model.Run(
            input.data<float>().ToArray(),
            shape,
            (values, given) =>
            {
                Assert.Equal(expected.shape, given.ToArray());
                using var actual = tensor(values.ToArray(), given.ToArray());
                largest = ((actual - expected).abs().max() / expected.abs().max()).item<float>();
            }
        );
        // Kernels are stored with 11 bits.
        Assert.InRange(largest, 0, 2e-3);
        return package.Manifest;
    }
}
