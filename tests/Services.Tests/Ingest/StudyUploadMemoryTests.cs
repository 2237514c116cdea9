using System.Net;
using Platform.Services.Tests;

namespace Platform.Ingest.Tests;

[Collection(nameof(ProcessMemory))]
public sealed class StudyUploadMemoryTests
{
    [Fact]
    public async Task A_large_study_does_not_live_in_memory()
    {
        await using var host = await IntakeHost.StartAsync();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        using var form = new MultipartFormDataContent
        {
            { new StreamContent(new NoiseStream(64 << 20)), "file", "large.nii.gz" },
        };
        using var response = await host.Client.PostAsync("/api/studies", form);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.True(allocated < 24 << 20, $"{allocated >> 20} MiB allocated for 64 MiB");
    }

    /// <summary>That many bytes of a repeating ramp, behind the two that say gzip.</summary>
    private sealed class NoiseStream(long length) : Stream
    {
        private long _left = length;
        private bool _begun;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var given = (int)Math.Min(count, _left);
            for (var n = 0; n < given; n++)
            {
                buffer[offset + n] = (byte)n;
            }
            if (!_begun)
            {
                (buffer[offset], buffer[offset + 1]) = (0x1F, 0x8B);
                _begun = true;
            }
            _left -= given;
            return given;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }
}
