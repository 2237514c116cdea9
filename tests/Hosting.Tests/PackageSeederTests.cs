using Microsoft.Extensions.Logging.Abstractions;
using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class PackageSeederTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FolderBlobStore _store;

    public PackageSeederTests()
    {
        _store = new(_folder["store"]);
        Write("models/brain/1.0.0/model.json", "{}");
        Write("models/brain/1.0.0/card.md", "first");
        Write("models/README.md", "no package");
    }

    [Fact]
    public async Task A_package_is_copied_once_and_a_card_written_anew_leaves_it_as_it_is()
    {
        await SeedAsync();
        Write("models/brain/1.0.0/card.md", "second");
        await SeedAsync();
        Assert.Equal("first", await StoredAsync("models/brain/1.0.0/card.md"));
        Assert.Equal("{}", await StoredAsync("models/brain/1.0.0/model.json"));
        Assert.False(await _store.ExistsAsync("models/README.md", default));
    }

    [Fact]
    public async Task Another_model_under_an_installed_version_is_refused()
    {
        await SeedAsync();
        Write("models/brain/1.0.0/model.json", "{ }");
        var e = await Assert.ThrowsAsync<InvalidDataException>(SeedAsync);
        Assert.Contains("models/brain/1.0.0/model.json", e.Message, StringComparison.Ordinal);
        Assert.Equal("{}", await StoredAsync("models/brain/1.0.0/model.json"));
    }

    public void Dispose() => _folder.Dispose();

    private Task SeedAsync() =>
        PackageSeeder.SeedAsync(_store, _folder["packages"], NullLogger.Instance, default);

    private void Write(string name, string text)
    {
        var path = Path.Combine(_folder["packages"], name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private async Task<string> StoredAsync(string name)
    {
        await using var stream = await _store.OpenReadAsync(name, default);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
