using System.Collections.Concurrent;
using System.Security.Cryptography;
using Platform.Hosting;

namespace Platform.Hosting.Tests;

/// <summary>What every blob store promises. One class of tests, run over each implementation.</summary>
public abstract class BlobStoreContract
{
    /// <summary>A tenant that no other test uses.</summary>
    private readonly string _tenant = $"t{Guid.NewGuid():n}"[..20];

    protected abstract IBlobStore Blobs { get; }

    [Fact]
    public async Task A_blob_reads_back_as_it_was_written()
    {
        var bytes = RandomNumberGenerator.GetBytes(100_000);
        Assert.True(await CreateAsync($"{_tenant}/studies/a/volumes/s1.nii.zst", bytes));
        Assert.Equal(bytes, await ReadAsync($"{_tenant}/studies/a/volumes/s1.nii.zst"));
        Assert.True(await Blobs.ExistsAsync($"{_tenant}/studies/a/volumes/s1.nii.zst", default));
    }

    [Fact]
    public async Task An_empty_blob_exists()
    {
        Assert.True(await CreateAsync($"{_tenant}/open/a", []));
        Assert.Empty(await ReadAsync($"{_tenant}/open/a"));
    }

    [Fact]
    public async Task A_name_is_written_once_and_keeps_its_first_content()
    {
        Assert.True(await CreateAsync($"{_tenant}/a", [1]));
        Assert.False(await CreateAsync($"{_tenant}/a", [2]));
        Assert.Equal([1], await ReadAsync($"{_tenant}/a"));
    }

    [Fact]
    public async Task A_missing_blob_is_not_found_by_name()
    {
        var missing = $"{_tenant}/studies/none.json";
        var error = await Assert.ThrowsAsync<BlobNotFoundException>(() => ReadAsync(missing));
        Assert.Equal(missing, error.Name);
        Assert.False(await Blobs.ExistsAsync(missing, default));
        await Blobs.DeleteAsync(missing, default);
    }

    [Fact]
    public async Task A_deleted_name_is_free_again()
    {
        await CreateAsync($"{_tenant}/open/a", [1]);
        await Blobs.DeleteAsync($"{_tenant}/open/a", default);
        Assert.False(await Blobs.ExistsAsync($"{_tenant}/open/a", default));
        Assert.True(await CreateAsync($"{_tenant}/open/a", [2]));
    }

    [Fact]
    public async Task Eight_writers_race_and_one_wins_with_its_own_bytes()
    {
        // 12 MiB: several blocks, so that writers' blocks could be mixed up.
        var contents = Enumerable
            .Range(0, 8)
            .Select(n => Enumerable.Repeat((byte)n, 12 << 20).ToArray())
            .ToArray();
        using var together = new Barrier(8);
        var won = new ConcurrentBag<int>();
        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(n =>
                    Task.Factory.StartNew(
                            async () =>
                            {
                                together.SignalAndWait();
                                if (await CreateAsync($"{_tenant}/report.json", contents[n]))
                                {
                                    won.Add(n);
                                }
                            },
                            TaskCreationOptions.LongRunning
                        )
                        .Unwrap()
                )
        );
        var winner = Assert.Single(won);
        Assert.Equal(contents[winner], await ReadAsync($"{_tenant}/report.json"));
    }

    [Fact]
    public async Task An_upload_that_fails_half_way_leaves_nothing()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            Blobs.TryCreateAsync(
                $"{_tenant}/half",
                async (stream, token) =>
                {
                    await stream.WriteAsync(new byte[20 << 20], token);
                    throw new InvalidOperationException("the sender went away");
                },
                default
            )
        );
        Assert.False(await Blobs.ExistsAsync($"{_tenant}/half", default));
        Assert.Empty(await NamesAsync($"{_tenant}/"));
        Assert.True(await CreateAsync($"{_tenant}/half", [1]));
    }

    [Fact]
    public async Task A_cancelled_upload_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Blobs.TryCreateAsync(
                $"{_tenant}/cancelled",
                async (stream, token) =>
                {
                    await stream.WriteAsync(new byte[10 << 20], token);
                    await cancel.CancelAsync();
                },
                cancel.Token
            )
        );
        Assert.Empty(await NamesAsync($"{_tenant}/"));
    }

    [Fact]
    public async Task A_listing_is_in_ordinal_order_and_holds_the_prefix_only()
    {
        string[] names =
        [
            "open/b-r1",
            "open/a-r2",
            "open/a-r1",
            "open/a/x",
            "open-not",
            "studies/a/r1/plan.json",
        ];
        foreach (var name in names)
        {
            await CreateAsync($"{_tenant}/{name}", [0]);
        }
        Assert.Equal(
            names.Select(n => $"{_tenant}/{n}").Order(StringComparer.Ordinal),
            await NamesAsync($"{_tenant}/")
        );
        Assert.Equal(
            [$"{_tenant}/open/a-r1", $"{_tenant}/open/a-r2", $"{_tenant}/open/a/x"],
            await NamesAsync($"{_tenant}/open/a")
        );
        Assert.Empty(await NamesAsync($"{_tenant}/none/"));
        Assert.Empty(await NamesAsync("nobody/"));
    }

    [Fact]
    public async Task A_listing_says_how_long_and_when()
    {
        await CreateAsync($"{_tenant}/a", new byte[1234]);
        await foreach (var entry in Blobs.ListAsync($"{_tenant}/", default))
        {
            Assert.Equal(1234, entry.Bytes);
            Assert.InRange(
                entry.LastModified,
                DateTimeOffset.UtcNow.AddMinutes(-1),
                DateTimeOffset.UtcNow.AddMinutes(1)
            );
        }
    }

    [Theory]
    [InlineData("tenant/../other/a")]
    [InlineData("/etc/passwd")]
    [InlineData("tenant//a")]
    [InlineData("tenant/a/")]
    [InlineData("tenant/.hidden")]
    [InlineData("tenant/a\\b")]
    [InlineData("tenant/a b")]
    [InlineData("tenant/\u00e9")]
    [InlineData("Tenant/a")]
    [InlineData("te/a")]
    [InlineData("tenant")]
    [InlineData("")]
    public async Task A_name_outside_the_rules_is_refused(string name)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => CreateAsync(name, [1]));
        await Assert.ThrowsAsync<ArgumentException>(() => ReadAsync(name));
        await Assert.ThrowsAsync<ArgumentException>(() => Blobs.ExistsAsync(name, default));
        await Assert.ThrowsAsync<ArgumentException>(() => Blobs.DeleteAsync(name, default));
    }

    [Fact]
    public async Task A_listing_needs_a_whole_container() =>
        await Assert.ThrowsAsync<ArgumentException>(() => NamesAsync("tenant"));

    [Fact]
    public async Task A_writer_that_writes_synchronously_is_served()
    {
        var bytes = RandomNumberGenerator.GetBytes(9 << 20);
        await Blobs.TryCreateAsync(
            $"{_tenant}/sync",
            (stream, token) => Task.Run(() => stream.Write(bytes), token),
            default
        );
        Assert.Equal(bytes, await ReadAsync($"{_tenant}/sync"));
    }

    protected Task<bool> CreateAsync(string name, byte[] content) =>
        Blobs.TryCreateAsync(
            name,
            async (stream, token) => await stream.WriteAsync(content, token),
            default
        );

    protected async Task<byte[]> ReadAsync(string name)
    {
        await using var stream = await Blobs.OpenReadAsync(name, default);
        using var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    protected async Task<List<string>> NamesAsync(string prefix)
    {
        var names = new List<string>();
        await foreach (var entry in Blobs.ListAsync(prefix, default))
        {
            names.Add(entry.Name);
        }
        return names;
    }
}
