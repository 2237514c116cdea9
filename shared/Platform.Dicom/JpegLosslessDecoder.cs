using System.Buffers.Binary;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Decodes one frame of lossless JPEG: ITU-T T.81 process 14, sequential, Huffman-coded, selection values 1 to 7 (annex H), one component of 2 to 16 bits.
/// </summary>
internal sealed class JpegLosslessDecoder
{
    private const int StartOfFrame = 0xC3;
    private const int HuffmanTables = 0xC4;
    private const int StartOfImage = 0xD8;
    private const int EndOfImage = 0xD9;
    private const int StartOfScan = 0xDA;
    private const int RestartInterval = 0xDD;

    private readonly JpegBits _bits;
    private readonly PixelFormat _format;
    private readonly JpegHuffmanTable?[] _tables = new JpegHuffmanTable?[4];
    private int _precision;
    private int _restartRows = int.MaxValue;

    private JpegLosslessDecoder(Stream frame, PixelFormat format) =>
        (_bits, _format) = (new JpegBits(frame), format);

    /// <summary>Decodes a frame.</summary>
    /// <param name="frame">Its bytes, from the first marker on.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="pixels">Filled row by row, little-endian.</param>
    /// <exception cref="VolumeException">UnsupportedFormat or CorruptData.</exception>
    public static void Decode(Stream frame, PixelFormat format, Span<byte> pixels) =>
        new JpegLosslessDecoder(frame, format).Decode(pixels);

    private void Decode(Span<byte> pixels)
    {
        if (_bits.Marker() != StartOfImage)
        {
            throw Corrupt("do not begin with the start of an image");
        }
        while (true)
        {
            var marker = _bits.Marker();
            if (marker == StartOfScan)
            {
                ReadScan(pixels);
                return;
            }
            if (marker is EndOfImage or StartOfImage or 0)
            {
                throw Corrupt("hold no scan");
            }
            var length = _bits.Word() - 2;
            switch (marker)
            {
                case StartOfFrame:
                    length -= ReadFrame();
                    break;
                case HuffmanTables:
                    while (length > 0)
                    {
                        length -= ReadTable();
                    }
                    break;
                case RestartInterval:
                    length -= ReadRestartInterval();
                    break;
                case >= 0xC0 and <= 0xCF:
                    throw new VolumeException(
                        VolumeFault.UnsupportedFormat,
                        $"the JPEG data are of process SOF{marker - 0xC0}, lossless ones are of SOF3: the transfer syntax is wrong"
                    );
                default:
                    for (; length > 0; length--)
                    {
                        _bits.Byte();
                    }
                    break;
            }
            if (length != 0)
            {
                throw Corrupt($"have a segment FF{marker:X2} of a wrong length");
            }
        }
    }

    private int ReadFrame()
    {
        _precision = _bits.Byte();
        var (rows, columns, components) = (_bits.Word(), _bits.Word(), _bits.Byte());
        if (components != 1)
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"the JPEG data have {components} components: greyscale images have one"
            );
        }
        if (rows != _format.Rows || columns != _format.Columns)
        {
            throw Corrupt(
                $"are of {rows}×{columns} pixels, the attributes say {_format.Rows}×{_format.Columns}"
            );
        }
        if (_precision < 2 || _precision > _format.BitsAllocated)
        {
            throw Corrupt(
                $"have {_precision} bits a pixel where {_format.BitsAllocated} are allocated"
            );
        }
        // Identifier, sampling factors and quantisation table of the only component tell nothing.
        _bits.Byte();
        _bits.Word();
        return 9;
    }

    private int ReadTable()
    {
        var target = _bits.Byte();
        Span<byte> counts = stackalloc byte[16];
        var codes = 0;
        foreach (ref var count in counts)
        {
            count = _bits.Byte();
            codes += count;
        }
        var symbols = new byte[codes];
        foreach (ref var symbol in symbols.AsSpan())
        {
            symbol = _bits.Byte();
        }
        if (target > 3)
        {
            throw Corrupt($"define Huffman table {target:X2}: lossless ones are 00 to 03");
        }
        _tables[target] = new JpegHuffmanTable(counts, symbols);
        return 17 + codes;
    }

    private int ReadRestartInterval()
    {
        var pixels = _bits.Word();
        if (pixels % _format.Columns != 0)
        {
            throw Corrupt(
                $"restart after {pixels} pixels: not a whole number of rows of {_format.Columns}"
            );
        }
        _restartRows = pixels == 0 ? int.MaxValue : pixels / _format.Columns;
        return 2;
    }

    private void ReadScan(Span<byte> pixels)
    {
        if (_precision == 0)
        {
            throw Corrupt("have a scan before their frame");
        }
        var (length, components) = (_bits.Word(), _bits.Byte());
        if (length != 8 || components != 1)
        {
            throw Corrupt($"have a scan of {components} components");
        }
        _bits.Byte();
        var table = _bits.Byte() >> 4;
        var selection = _bits.Byte();
        _bits.Byte();
        var transform = _bits.Byte() & 0xF;
        if (selection is < 1 or > 7 || transform >= _precision)
        {
            throw Corrupt($"have selection value {selection} and point transform {transform}");
        }
        if (table > 3 || _tables[table] is not { } huffman)
        {
            throw Corrupt($"have no Huffman table {table}");
        }
        var (row, above) = (new ushort[_format.Columns], new ushort[_format.Columns]);
        var rowBytes = _format.FrameBytes / _format.Rows;
        for (var y = 0; y < _format.Rows; y++)
        {
            var isFirst = y % _restartRows == 0;
            if (isFirst && y > 0)
            {
                Restart((y / _restartRows - 1) % 8);
            }
            ReadRow(
                huffman,
                isFirst ? 0 : selection,
                1 << (_precision - transform - 1),
                above,
                row
            );
            Write(row, transform, pixels.Slice(y * rowBytes, rowBytes));
            (row, above) = (above, row);
        }
    }

    private void Restart(int number)
    {
        var marker = _bits.Marker();
        if (marker != 0xD0 + number)
        {
            throw Corrupt($"hold marker FF{marker:X2} where restart {number} is due");
        }
    }

    /// <summary>
    /// One row (sections H.1.2.1 and H.2): each pixel is a prediction and a difference, modulo 2¹⁶. The first row, selection 0, is predicted
    /// from the left and begins at half the range; every other row begins with the pixel above.
    /// </summary>
    private void ReadRow(
        JpegHuffmanTable table,
        int selection,
        int half,
        ReadOnlySpan<ushort> above,
        Span<ushort> row
    )
    {
        var left = (selection == 0 ? half : above[0]) + Difference(table);
        row[0] = (ushort)left;
        for (var x = 1; x < row.Length; x++)
        {
            int a = row[x - 1];
            int b = above[x];
            int c = above[x - 1];
            var prediction = selection switch
            {
                0 or 1 => a,
                2 => b,
                3 => c,
                4 => a + b - c,
                5 => a + ((b - c) >> 1),
                6 => b + ((a - c) >> 1),
                _ => (a + b) >> 1,
            };
            row[x] = (ushort)(prediction + Difference(table));
        }
    }

    /// <summary>Sections H.1.2.2 and F.2.2.1: a category, and as many bits, of which the uppermost tells the sign.</summary>
    private int Difference(JpegHuffmanTable table)
    {
        if (_bits.RunsLow)
        {
            _bits.Fill();
        }
        var category = table.Decode(_bits);
        if (category is 0 or 16)
        {
            return category == 0 ? 0 : 1 << 15;
        }
        if (category > 16)
        {
            throw Corrupt($"have a difference of category {category}");
        }
        var value = _bits.Take(category);
        return value >> (category - 1) == 0 ? value - (1 << category) + 1 : value;
    }

    private void Write(ReadOnlySpan<ushort> row, int transform, Span<byte> pixels)
    {
        for (var x = 0; x < row.Length; x++)
        {
            var value = row[x] << transform;
            if (_format.BitsAllocated == 8)
            {
                pixels[x] = (byte)value;
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(pixels[(2 * x)..], (ushort)value);
            }
        }
    }

    private static VolumeException Corrupt(string what) =>
        new(VolumeFault.CorruptData, $"the JPEG data of a frame {what}");
}
