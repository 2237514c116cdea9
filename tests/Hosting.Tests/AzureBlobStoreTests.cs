using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class AzureBlobStoreTests(AzuriteServer azurite)
    : BlobStoreContract,
        IClassFixture<AzuriteServer>
{
    protected override IBlobStore Blobs { get; } = new AzureBlobStore(azurite.ConnectionString);
}
