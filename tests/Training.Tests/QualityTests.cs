using Platform.Imaging;
using Platform.Inference;
using Platform.Testing;
using Platform.Training;
using static TorchSharp.torch;

namespace Training.Tests;

/// <summary>The quality regressor, trained for a moment on phantom heads that a hardly trained network segments.</summary>
public sealed class QualityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxModel _judged;

    public QualityTests()
    {
        set_num_threads(1);
        var recipe = HeadPhantom.Brain;
        var task = new StructureTask(recipe, HeadPhantom.Atlas());
        var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, _ => { });
        trainer.Run(null, resume: false, until: 20);
        trainer.UseAverage();
        _judged = Packaged("judged", folder => PackageWriter.Write(recipe, task, Run, folder));
    }

    private static RunSummary Run { get; } = new("train", "One CPU thread", 20, 2, 1);

    public void Dispose()
    {
        _judged.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Trained_for_a_moment_it_tells_good_labels_from_bad_ones_of_a_head_never_trained_on()
    {
        var task = Trained();
        var heldOut = task.HeldOut(12);
        var (good, bad) = (
            heldOut.Where(j => j.Real > 0.8).ToList(),
            heldOut.Where(j => j.Real < 0.4).ToList()
        );
        Assert.True(good.Count > 5 && bad.Count > 5, $"{good.Count} good, {bad.Count} bad");
        Assert.True(
            good.Average(j => j.Predicted) > bad.Average(j => j.Predicted) + 0.05,
            $"{good.Average(j => j.Predicted):f3} and {bad.Average(j => j.Predicted):f3}"
        );
        Assert.Contains(heldOut, j => j.Own);
        Assert.Contains(heldOut, j => !j.Own);
    }

    [Fact]
    public void The_exported_network_says_what_torch_says_whatever_the_grid_of_the_labels()
    {
        var task = Trained(until: 6);
        using var model = Packaged(
            "quality",
            folder => QualityPackageWriter.Write(HeadPhantom.Quality, task, Run, folder)
        );
        using var batch = task.Draw(0).First();
        using var none = no_grad();
        task.Network.eval();
        var expected = task.Network.forward(batch.Input).data<float>().ToArray();
        var shape = batch.Input.shape;
        float[] actual = [];
        model.Run(
            batch.Input.data<float>().ToArray(),
            shape,
            (values, given) =>
            {
                Assert.Equal([1, task.Labels.Count, 1, 1, 1], given.ToArray());
                actual = values.ToArray();
            }
        );
        // Matrices are stored with 11 bits.
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-3));
    }

    [Fact]
    public void A_structure_the_labels_lack_is_not_spoken_of_and_the_labels_grid_does_not_matter()
    {
        var task = Trained(until: 6);
        using var model = Packaged(
            "quality",
            folder => QualityPackageWriter.Write(HeadPhantom.Quality, task, Run, folder)
        );
        var regressor = new QualityRegressor(model);
        var geometry = VolumeGeometry.Ras((32, 32, 32), (4, 4, 4));
        var (image, labels) = (new Volume<float>(geometry), new Volume<byte>(geometry));
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            var (i, j, k) = (n % 32 - 15.5, n / 32 % 32 - 15.5, n / 1024 - 15.5);
            var radius = Math.Sqrt(i * i + j * j + k * k);
            image.Voxels[n] = (float)(radius < 13 ? 100 - 3 * radius : 0);
            labels.Voxels[n] = radius < 6 ? (byte)2 : (byte)0;
        }
        var dice = Assert.Single(regressor.Predict(image, labels));
        Assert.Equal(2, dice.Key);
        Assert.InRange(dice.Value, 0, 1);
        var turned = Orienter.ToOrientation(labels, "LPS");
        Assert.Equal(dice.Value, regressor.Predict(image, turned)[2], 1e-6);
        Assert.Empty(regressor.Predict(image, new Volume<byte>(geometry)));
    }

    private QualityTask Trained(int? until = null)
    {
        var recipe = HeadPhantom.Quality;
        var task = new QualityTask(recipe, HeadPhantom.Brain, _judged, HeadPhantom.Atlas());
        var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, _ => { }, workers: 2);
        trainer.Run(null, resume: false, until);
        trainer.UseAverage();
        return task;
    }

    private OnnxModel Packaged(string name, Action<string> write)
    {
        var folder = Path.Combine(_folder.Path, name);
        write(folder);
        var package = ModelPackage.Load(
            File.ReadAllBytes(Path.Combine(folder, "model.json")),
            File.ReadAllBytes(Path.Combine(folder, "model.onnx"))
        );
        return new(package, new() { Device = ComputeDevice.Cpu, Threads = 1 });
    }
}
