using System.IO.Compression;
using System.Runtime.InteropServices;
using ZstdSharp;

namespace Platform.Imaging;

/// <summary>
/// Reads single-file NIfTI-1 and NIfTI-2 of either endianness from a stream that need not seek: plain, gzip or zstd,
/// told apart by their first bytes. Voxels are converted as they arrive; the file is never held beside the volume.
/// Streams are left open. Every refusal is a <see cref="VolumeException"/>.
/// </summary>
public static class NiftiReader
{
    // Given after the end of a gzip stream, it is read as one more empty member, or, where the trailer was cut off, as a trailer that
    // does not match: GZipStream alone accepts a missing trailer.
    private static readonly byte[] EmptyMember =
    [
        0x1F,
        0x8B,
        8,
        0,
        0,
        0,
        0,
        0,
        0,
        0xFF,
        3,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ];

    /// <summary>Whether these first bytes (4 suffice) may start a NIfTI file: a plain header, gzip or zstd.</summary>
    public static bool Sniff(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && (IsGzip(start) || IsZstd(start) || VolumeHeader.IsHeader(start));

    /// <summary>Reads and checks the header only.</summary>
    /// <exception cref="VolumeException">See the fault: UnsupportedFormat, CorruptData, TooLarge, BadGeometry or NotAVolume.</exception>
    public static VolumeHeader ReadHeader(Stream stream) => Guard(() => Open(stream).Header);

    /// <summary>Reads one 3D image, scaled by the header's slope and intercept.</summary>
    /// <exception cref="VolumeException">See the fault; a file of several frames without <see cref="NiftiReadOptions.Frame"/> is NotAVolume.</exception>
    public static Volume<float> ReadImage(Stream stream, NiftiReadOptions? options = null) =>
        Read<float>(stream, options);

    /// <summary>Reads a label map. Values that are not whole numbers of 0–255 are refused as BadVoxels: see <see cref="Read{T}"/>.</summary>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static Volume<byte> ReadLabels(Stream stream, NiftiReadOptions? options = null) =>
        Read<byte>(stream, options);

    /// <summary>Reads one 3D volume.</summary>
    /// <typeparam name="T">float for images; byte, ushort or short for label maps, where values that T cannot hold are refused.</typeparam>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static Volume<T> Read<T>(Stream stream, NiftiReadOptions? options = null)
        where T : unmanaged => ReadVolume<T>(stream, options ?? NiftiReadOptions.Default);

    private static Volume<T> ReadVolume<T>(Stream stream, NiftiReadOptions options)
        where T : unmanaged
    {
        using var frames = new NiftiFrameReader<T>(stream, options);
        var count = frames.Header.Frames;
        var frame =
            options.Frame
            ?? (
                count == 1
                    ? 0
                    : throw new VolumeException(
                        VolumeFault.NotAVolume,
                        $"the image has {count} frames where one 3D volume is needed: choose a frame"
                    )
            );
        if (frame < 0 || frame >= count)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"frame {frame} of an image of {count} frames"
            );
        }
        frames.Skip(frame);
        return frames.Read()!;
    }

    internal static (VolumeHeader Header, Stream Payload, bool Compressed) Open(Stream stream)
    {
        var start = new byte[4];
        if (stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) < 4)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the stream ends before a header: fewer than 4 bytes"
            );
        }
        var payload = stream;
        var compressed = IsGzip(start) || IsZstd(start);
        if (compressed)
        {
            payload = IsGzip(start)
                ? new GZipStream(
                    new FramedStream(start, stream, EmptyMember),
                    CompressionMode.Decompress
                )
                : new DecompressionStream(new FramedStream(start, stream, []));
            payload.ReadExactly(start);
        }
        if (!VolumeHeader.IsHeader(start))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "not a NIfTI file: neither a NIfTI-1 (348 bytes) nor a NIfTI-2 (540 bytes) header, plain, gzip or zstd"
            );
        }
        var length =
            start[0] == VolumeHeader.Bytes1 % 256 || start[3] == VolumeHeader.Bytes1 % 256
                ? VolumeHeader.Bytes1
                : VolumeHeader.Bytes2;
        var bytes = new byte[length];
        start.CopyTo(bytes, 0);
        payload.ReadExactly(bytes.AsSpan(4));
        return (VolumeHeader.Parse(bytes), payload, compressed);
    }

    private static bool IsGzip(ReadOnlySpan<byte> start) => start is [0x1F, 0x8B, ..];

    private static bool IsZstd(ReadOnlySpan<byte> start) =>
        start is [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..];

    internal static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception inner) when (IsDamage(inner))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the stream ends within the header, or its compression is damaged",
                inner
            );
        }
    }

    internal static bool IsDamage(Exception exception) =>
        exception is EndOfStreamException or InvalidDataException or ZstdException;

    /// <summary>Gives the bytes that were read to tell the format, the rest of a stream it does not own, and bytes after its end.</summary>
    private sealed class FramedStream(byte[] first, Stream middle, byte[] last) : Stream
    {
        private readonly MemoryStream _first = new([.. first]);
        private readonly MemoryStream _last = new(last);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var got = _first.Read(buffer);
            got = got > 0 ? got : middle.Read(buffer);
            return got > 0 ? got : _last.Read(buffer);
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }
}
