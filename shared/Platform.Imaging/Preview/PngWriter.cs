using System.Buffers.Binary;
using System.IO.Compression;

namespace Platform.Imaging;

/// <summary>Writes 8-bit RGB images as PNG (ISO/IEC 15948), without metadata: the same pixels give the same bytes.</summary>
public static class PngWriter
{
    private const int Channels = 3;
    private static readonly uint[] CrcTable =
    [
        .. Enumerable
            .Range(0, 256)
            .Select(n =>
            {
                var crc = (uint)n;
                for (var bit = 0; bit < 8; bit++)
                {
                    crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
                }
                return crc;
            }),
    ];

    /// <summary>Writes rows of red, green, blue bytes, top row first. The stream is left open.</summary>
    /// <exception cref="ArgumentException">The length is not width · height · 3.</exception>
    public static void Write(Stream stream, int width, int height, ReadOnlySpan<byte> rgb)
    {
        if (width < 1 || height < 1 || rgb.Length != width * height * Channels)
        {
            throw new ArgumentException(
                $"{rgb.Length} bytes are not {width}×{height} RGB pixels",
                nameof(rgb)
            );
        }
        stream.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        (header[8], header[9]) = (8, 2);
        header[10..].Clear();
        Chunk(stream, "IHDR"u8, header);
        using var pixels = new MemoryStream();
        using (var zlib = new ZLibStream(pixels, CompressionLevel.Optimal, leaveOpen: true))
        {
            // Each row says how it is predicted: 1 is "less the pixel to the left".
            var line = new byte[1 + width * Channels];
            line[0] = 1;
            for (var y = 0; y < height; y++)
            {
                var row = rgb.Slice(y * width * Channels, width * Channels);
                for (var x = 0; x < row.Length; x++)
                {
                    line[1 + x] = (byte)(row[x] - (x < Channels ? 0 : row[x - Channels]));
                }
                zlib.Write(line);
            }
        }
        Chunk(stream, "IDAT"u8, pixels.GetBuffer().AsSpan(0, (int)pixels.Length));
        Chunk(stream, "IEND"u8, []);
    }

    private static void Chunk(Stream stream, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        stream.Write(number);
        stream.Write(type);
        stream.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, type), data));
        stream.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            crc = CrcTable[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }
        return crc;
    }
}
