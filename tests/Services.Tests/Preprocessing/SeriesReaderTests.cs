using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Services.Tests;
using Platform.Testing;

namespace Platform.Preprocessing.Tests;

[Collection(nameof(ProcessMemory))]
public sealed class SeriesReaderTests
{
    private const int Slices = 600;
    private const int Edge = 512;

    [Fact]
    public async Task A_series_of_600_slices_needs_little_more_memory_than_its_volume()
    {
        var blobs = new GeneratedSlices();
        var reader = new SeriesReader(blobs, Options.Create(new PreprocessingOptions()));
        var item = new ReceivedItem
        {
            Name = "",
            Bytes = GeneratedSlices.Slice(0).Length,
            Sha256 = "",
        };
        var items = Enumerable.Range(0, Slices).Select(k => item with { Name = $"{k}.dcm" });
        var source = Assert.Single(SeriesReader.Sources([.. items]));
        // What is alive: 300 MiB of instances would show.
        const long Little = 100 << 20;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var series = await reader.OpenAsync(GeneratedSlices.Study, source, default);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, Little);
        var part = Assert.Single(series.Parts);
        Assert.Null(part.Name);
        var volume = await part.ReadAsync(default).FirstAsync();
        var bytes = volume.Geometry.VoxelCount * sizeof(float);
        Assert.InRange(
            GC.GetTotalMemory(forceFullCollection: true) - before,
            bytes,
            bytes + Little
        );
        Assert.Equal((Edge, Edge, Slices), volume.Geometry.Shape);
        Assert.Equal(7, volume[7, 0, 0]);
        Assert.Equal(599 + 511, volume[511, 511, 599]);
    }

    /// <summary>A store whose blobs are made as they are read.</summary>
    private sealed class GeneratedSlices : IBlobStore
    {
        public static StudyContext Study { get; } =
            new()
            {
                Tenant = "tenant",
                Site = "site",
                StudyId = "study",
                Revision = 1,
                CorrelationId = Guid.Empty,
            };

        public static byte[] Slice(int k)
        {
            var row = Enumerable.Range(k, Edge);
            return new DicomSliceFile
            {
                SopInstanceUid = $"1.2.3.{1000 + k}",
                Rows = Edge,
                Columns = Edge,
                Position = [-100, -100, 1000.25 + k],
                Pixels = [.. Enumerable.Repeat(row, Edge).SelectMany(pixels => pixels)],
            }.ToBytes();
        }

        public Task<Stream> OpenReadAsync(string name, CancellationToken cancellationToken)
        {
            var k = int.Parse(Path.GetFileNameWithoutExtension(name));
            return Task.FromResult<Stream>(new MemoryStream(Slice(k)));
        }

        public Task<bool> TryCreateAsync(
            string name,
            Func<Stream, CancellationToken, Task> write,
            CancellationToken cancellationToken
        ) => throw new NotSupportedException();

        public Task<bool> ExistsAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public IAsyncEnumerable<BlobEntry> ListAsync(
            string prefix,
            CancellationToken cancellationToken
        ) => throw new NotSupportedException();

        public Task DeleteAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
