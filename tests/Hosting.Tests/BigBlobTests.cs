using System.Security.Cryptography;
using Platform.Testing;

namespace Platform.Hosting.Tests;

/// <summary>Runs while no other test does, because memory is weighed for the whole process.</summary>
[CollectionDefinition(nameof(BigBlobTests), DisableParallelization = true)]
[Collection(nameof(BigBlobTests))]
public sealed class BigBlobTests(AzuriteServer azurite) : IClassFixture<AzuriteServer>
{
    [Fact]
    public Task A_big_blob_passes_through_Azure_with_bounded_memory() =>
        PassAsync(new AzureBlobStore(azurite.ConnectionString));

    [Fact]
    public async Task A_big_blob_passes_through_a_folder_with_bounded_memory()
    {
        using var folder = new TemporaryFolder();
        await PassAsync(new FolderBlobStore(folder.Path));
    }

    private static async Task PassAsync(IBlobStore blobs)
    {
        const string name = "big-blob/big";
        const int chunks = 128;
        var chunk = RandomNumberGenerator.GetBytes(1 << 20);
        var (before, most) = (GC.GetTotalMemory(forceFullCollection: true), 0L);
        await blobs.TryCreateAsync(
            name,
            async (stream, token) =>
            {
                for (var n = 0; n < chunks; n++)
                {
                    await stream.WriteAsync(chunk, token);
                    if (n % 32 == 31)
                    {
                        Measure();
                    }
                }
            },
            default
        );
        await using var back = await blobs.OpenReadAsync(name, default);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        var read = 0L;
        for (int got; (got = await back.ReadAsync(buffer)) > 0; read += got)
        {
            sha.AppendData(buffer, 0, got);
            if (read >> 25 != (read + got) >> 25)
            {
                Measure();
            }
        }
        for (var n = 0; n < chunks; n++)
        {
            expected.AppendData(chunk);
        }
        Assert.Equal(expected.GetHashAndReset(), sha.GetHashAndReset());
        Assert.InRange(most, 0, 64L << 20);

        void Measure() =>
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
    }
}
