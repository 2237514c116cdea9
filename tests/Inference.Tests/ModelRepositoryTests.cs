using Platform.Inference;

namespace Inference.Tests;

public sealed class ModelRepositoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("models").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_bare_name_is_the_highest_version_by_number()
    {
        Install("tiny", "1.2.0");
        Install("tiny", "1.10.0");
        Install("tiny", "1.10.0-rc.1");
        Install("other", "2.0.0");
        var models = ModelRepository.InFolder(_folder);
        Assert.Equal("tiny@1.10.0", (await models.GetManifestAsync("tiny", default)).Id);
        Assert.Equal("tiny@1.2.0", (await models.GetManifestAsync("tiny@1.2.0", default)).Id);
        Assert.Equal("tiny@1.10.0", (await models.LoadAsync("tiny", default)).Manifest.Id);
        Assert.Equal(
            ["other@2.0.0", "tiny@1.2.0", "tiny@1.10.0-rc.1", "tiny@1.10.0"],
            (await models.ListAsync(default)).Select(m => m.Id)
        );
    }

    [Fact]
    public async Task A_candidate_is_never_live_and_is_found_by_its_full_name_alone()
    {
        Install("tiny", "1.0.0");
        Install("tiny", "2.0.0-candidate");
        Install("new", "1.0.0-candidate");
        var models = ModelRepository.InFolder(_folder);
        Assert.Equal(["tiny@1.0.0"], (await models.ListAsync(default)).Select(m => m.Id));
        Assert.Equal("tiny@1.0.0", (await models.GetManifestAsync("tiny", default)).Id);
        Assert.Equal(
            "tiny@2.0.0-candidate",
            (await models.LoadAsync("tiny@2.0.0-candidate", default)).Manifest.Id
        );
        await Assert.ThrowsAsync<ModelPackageException>(() => models.LoadAsync("new", default));
    }

    [Fact]
    public async Task An_unknown_model_is_refused_naming_it_and_those_installed()
    {
        Install("tiny", "1.0.0");
        var models = ModelRepository.InFolder(_folder);
        foreach (var id in new[] { "huge", "tiny@9.0.0" })
        {
            var e = await Assert.ThrowsAsync<ModelPackageException>(() =>
                models.GetManifestAsync(id, default)
            );
            Assert.Equal(ModelPackageFault.UnknownModel, e.Fault);
            Assert.Contains($"'{id}'", e.Message, StringComparison.Ordinal);
            Assert.Contains("tiny@1.0.0", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_empty_repository_lists_nothing()
    {
        var models = ModelRepository.InFolder(_folder);
        Assert.Empty(await models.ListAsync(default));
        await Assert.ThrowsAsync<ModelPackageException>(() => models.LoadAsync("tiny", default));
    }

    [Fact]
    public async Task A_package_in_the_wrong_folder_is_refused()
    {
        Install("tiny", "1.0.0", folder: "tiny/2.0.0");
        var e = await Assert.ThrowsAsync<ModelPackageException>(() =>
            ModelRepository.InFolder(_folder).ListAsync(default)
        );
        Assert.Contains("models/tiny/2.0.0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_installed_later_is_seen()
    {
        var models = ModelRepository.InFolder(_folder);
        Assert.Empty(await models.ListAsync(default));
        Install("tiny", "1.0.0");
        Assert.Single(await models.ListAsync(default));
    }

    private void Install(string name, string version, string? folder = null)
    {
        byte[] onnx = [1, 2, 3];
        var path = Path.Combine(_folder, "models", folder ?? $"{name}/{version}");
        Directory.CreateDirectory(path);
        File.WriteAllBytes(Path.Combine(path, "model.onnx"), onnx);
        File.WriteAllBytes(
            Path.Combine(path, "model.json"),
            Manifests.Json(Manifests.Segmentation(onnx, name, version))
        );
    }
}
