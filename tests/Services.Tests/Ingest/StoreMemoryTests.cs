using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Services.Tests;
using Platform.Testing;

namespace Platform.Ingest.Tests;

[Collection(nameof(ProcessMemory))]
public sealed class StoreMemoryTests
{
    private const int Slices = 600;
    private const string Uid = "1.2.826.0.1.600.1.1000";

    /// <summary>All that is allocated on the way, freed or not, is more than what lives at any moment: 315 MB come in.</summary>
    [Fact]
    public async Task A_study_of_600_slices_of_CT_is_accepted_in_little_memory()
    {
        await using var host = await IntakeHost.StartAsync(
            new() { ["Ingest:QuietTime"] = "01:00:00" }
        );
        using var body = new CtStudy();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        using var response = await host.Client.PostAsync("/dicom-web/studies", body);
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(allocated < 150 << 20, $"{allocated >> 20} MiB allocated for 300 MiB");
        var stored = await host.BlobNamesAsync();
        Assert.Equal(
            Slices,
            stored.Count(name => name.Contains("/input/", StringComparison.Ordinal))
        );
    }

    /// <summary>One slice, sent 600 times under another UID and at another place.</summary>
    private sealed class CtStudy : HttpContent
    {
        private readonly byte[] _slice = new DicomSliceFile
        {
            SopClassUid = "1.2.840.10008.5.1.4.1.1.2",
            StudyInstanceUid = "1.2.826.0.1.600",
            SeriesInstanceUid = "1.2.826.0.1.600.1",
            SopInstanceUid = Uid,
            Rows = 512,
            Columns = 512,
            Position = [0, 0, 1000],
        }.ToBytes();

        public CtStudy() =>
            Headers.ContentType = MediaTypeHeaderValue.Parse(
                "multipart/related; type=\"application/dicom\"; boundary=slices"
            );

        protected override async Task SerializeToStreamAsync(
            Stream stream,
            TransportContext? context
        )
        {
            int[] places =
            [
                _slice.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Uid)) + Uid.Length - 4,
                _slice.AsSpan().IndexOf("0\\0\\1000"u8) + 4,
            ];
            for (var k = 0; k < Slices; k++)
            {
                foreach (var place in places)
                {
                    Encoding.ASCII.GetBytes($"{1000 + k}").CopyTo(_slice, place);
                }
                await stream.WriteAsync(
                    "\r\n--slices\r\nContent-Type: application/dicom\r\n\r\n"u8.ToArray()
                );
                await stream.WriteAsync(_slice);
            }
            await stream.WriteAsync("\r\n--slices--\r\n"u8.ToArray());
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
