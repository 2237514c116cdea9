using System.Buffers.Binary;

namespace Platform.Dicom.Tests;

/// <summary>Encoders as the standards describe them, the simplest that make every code of the decoders: what the decoders are tested with.</summary>
internal static class PixelEncoders
{
    /// <summary>PS3.5 annex G: runs of three and more replicated, all else literal.</summary>
    public static byte[] RunLength(int[] pixels, int bits)
    {
        var segments = Enumerable
            .Range(1, bits / 8)
            .Select(n => Pack([.. pixels.Select(p => (byte)(p >> (bits - 8 * n)))]))
            .ToArray();
        var bytes = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, segments.Length);
        for (var (n, start) = (0, 64); n < segments.Length; start += segments[n++].Length)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * (n + 1)), start);
        }
        return [.. bytes, .. segments.SelectMany(segment => segment)];
    }

    private static byte[] Pack(byte[] values)
    {
        // A control byte of -128 does nothing and is to be stepped over.
        var bytes = new List<byte> { 0x80 };
        for (var at = 0; at < values.Length; )
        {
            var run = Run(values, at);
            if (run > 2)
            {
                bytes.AddRange([(byte)(1 - run), values[at]]);
                at += run;
                continue;
            }
            var literal = 1;
            while (literal < 128 && at + literal < values.Length && Run(values, at + literal) < 3)
            {
                literal++;
            }
            bytes.Add((byte)(literal - 1));
            bytes.AddRange(values.AsSpan(at, literal));
            at += literal;
        }
        return bytes.Count % 2 == 0 ? [.. bytes] : [.. bytes, 0];
    }

    private static int Run(byte[] values, int at)
    {
        var count = 1;
        while (count < 128 && at + count < values.Length && values[at + count] == values[at])
        {
            count++;
        }
        return count;
    }

    /// <summary>ITU-T T.81 process 14, one component.</summary>
    /// <param name="pixels">Row by row.</param>
    /// <param name="columns">Pixels a row.</param>
    /// <param name="precision">Bits a pixel.</param>
    /// <param name="selection">Predictor, 1 to 7.</param>
    /// <param name="restartRows">Rows between restart markers, 0 for none.</param>
    /// <param name="transform">Lowest bits that are left out.</param>
    public static byte[] JpegLossless(
        int[] pixels,
        int columns,
        int precision = 16,
        int selection = 1,
        int restartRows = 0,
        int transform = 0
    )
    {
        var rows = pixels.Length / columns;
        var bytes = new List<byte> { 0xFF, 0xD8, 0xFF, 0xFE, 0, 4, 1, 2 };
        bytes.AddRange([0xFF, 0xC3, 0, 11, (byte)precision, (byte)(rows >> 8), (byte)rows]);
        bytes.AddRange([(byte)(columns >> 8), (byte)columns, 1, 1, 0x11, 0]);
        // Codes 0, 10, 110 … of 1 to 15 bits, then two of 16: category 2 has the shortest, category 16 the longest.
        byte[] symbols = [2, 1, 0, .. Enumerable.Range(3, 14).Select(n => (byte)n)];
        byte[] counts = [.. Enumerable.Repeat((byte)1, 15), 2];
        bytes.AddRange([0xFF, 0xC4, 0, 36, 0x01, .. counts, .. symbols]);
        if (restartRows > 0)
        {
            var interval = restartRows * columns;
            bytes.AddRange([0xFF, 0xDD, 0, 4, (byte)(interval >> 8), (byte)interval]);
        }
        bytes.AddRange([0xFF, 0xDA, 0, 8, 1, 1, 0x10, (byte)selection, 0, (byte)transform]);
        var (held, count) = (0UL, 0);
        for (var y = 0; y < rows; y++)
        {
            if (restartRows > 0 && y > 0 && y % restartRows == 0)
            {
                Flush();
                bytes.AddRange([0xFF, (byte)(0xD0 + (y / restartRows - 1) % 8)]);
            }
            var isFirst = restartRows > 0 ? y % restartRows == 0 : y == 0;
            for (var x = 0; x < columns; x++)
            {
                int At(int dx, int dy) => pixels[(y - dy) * columns + x - dx] >> transform;
                var prediction = (isFirst, x) switch
                {
                    (true, 0) => 1 << (precision - transform - 1),
                    (true, _) => At(1, 0),
                    (false, 0) => At(0, 1),
                    _ => selection switch
                    {
                        1 => At(1, 0),
                        2 => At(0, 1),
                        3 => At(1, 1),
                        4 => At(1, 0) + At(0, 1) - At(1, 1),
                        5 => At(1, 0) + ((At(0, 1) - At(1, 1)) >> 1),
                        6 => At(0, 1) + ((At(1, 0) - At(1, 1)) >> 1),
                        _ => (At(1, 0) + At(0, 1)) >> 1,
                    },
                };
                Difference((short)(At(0, 0) - prediction));
            }
        }
        Flush();
        return [.. bytes, 0xFF, 0xD9];

        void Difference(int value)
        {
            var size = value == short.MinValue ? 16 : 0;
            while (size < 16 && Math.Abs(value) >> size != 0)
            {
                size++;
            }
            var code = Array.IndexOf(symbols, (byte)size);
            Put(code == 16 ? 0xFFFF : (1 << (code + 1)) - 2, Math.Min(code + 1, 16));
            if (size is > 0 and < 16)
            {
                Put(value > 0 ? value : value + (1 << size) - 1, size);
            }
        }

        void Put(int value, int size)
        {
            held = held << size | (uint)value;
            for (count += size; count >= 8; count -= 8)
            {
                var next = (byte)(held >> (count - 8));
                bytes.Add(next);
                if (next == 0xFF)
                {
                    bytes.Add(0);
                }
            }
        }

        void Flush()
        {
            if (count > 0)
            {
                Put((1 << (8 - count)) - 1, 8 - count);
            }
        }
    }
}
