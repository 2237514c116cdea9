using System.Security.Cryptography;
using Platform.Hosting;

namespace Hosting.Tests;

public sealed class SpoolFileTests : IDisposable
{
    private const int Large = 3 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("spool-").FullName;

    [Theory]
    [InlineData(0)]
    [InlineData(1 << 16)]
    [InlineData(1 << 23)]
    public async Task What_is_written_at_any_place_is_read_again(int bytesInMemory)
    {
        var data = RandomNumberGenerator.GetBytes(Large);
        using var spool = new SpoolFile(_folder, bytesInMemory);

        await Parallel.ForAsync(
            0,
            Large / 4096,
            async (n, token) =>
                await spool.WriteAsync(data.AsMemory(n * 4096, 4096), n * 4096, token)
        );

        using var stream = spool.OpenRead(100, Large - 100);
        var read = new byte[Large - 100];
        stream.ReadExactly(read);
        Assert.Equal(data[100..], read);
        Assert.Equal(0, spool.OpenRead(Large, 10).Read(read));
    }

    [Fact]
    public async Task What_fits_in_memory_needs_no_disk()
    {
        var missing = Path.Combine(_folder, "missing");
        using var spool = new SpoolFile(missing, 1 << 16);

        await spool.WriteAsync(new byte[1000], 0, CancellationToken.None);

        Assert.False(Directory.Exists(missing));
        await spool.WriteAsync(new byte[1 << 20], 1000, CancellationToken.None);
        Assert.True(Directory.Exists(missing));
        Assert.Empty(Directory.EnumerateFileSystemEntries(missing));
    }

    [Fact]
    public void The_digest_is_of_what_was_written()
    {
        using var spool = new SpoolFile(_folder, 1 << 16);
        var data = RandomNumberGenerator.GetBytes(100_000);

        using var target = spool.OpenWrite(50);
        target.Write(data.AsSpan(0, 10));
        target.Write(data.AsSpan(10));

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(data)), target.Sha256());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
