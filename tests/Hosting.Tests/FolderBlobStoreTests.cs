using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class FolderBlobStoreTests : BlobStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FolderBlobStore _blobs;

    public FolderBlobStoreTests() => _blobs = new(_folder.Path);

    protected override IBlobStore Blobs => _blobs;

    [Fact]
    public async Task Nothing_partial_is_left_after_a_failure()
    {
        await Assert.ThrowsAsync<IOException>(() =>
            _blobs.TryCreateAsync("tenant/a", (_, _) => throw new IOException("disk full"), default)
        );
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    public void Dispose() => _folder.Dispose();
}
