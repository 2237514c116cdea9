using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>A Huffman table of JPEG (ITU-T T.81 annex C): codes of 1 to 16 bits, ascending with their length.</summary>
internal sealed class JpegHuffmanTable
{
    private const int QuickBits = 9;

    /// <summary>By the next 9 bits: length of the code · 256 + symbol; 0 where the code is longer.</summary>
    private readonly ushort[] _quick = new ushort[1 << QuickBits];

    /// <summary>By length: the code after the last one, and what makes an index of a code.</summary>
    private readonly int[] _past = new int[17];
    private readonly int[] _index = new int[17];
    private readonly byte[] _symbols;

    /// <param name="counts">Codes of each length, 1 to 16.</param>
    /// <param name="symbols">One for each code.</param>
    /// <exception cref="VolumeException">CorruptData: more codes of a length than there are.</exception>
    public JpegHuffmanTable(ReadOnlySpan<byte> counts, byte[] symbols)
    {
        _symbols = symbols;
        var (code, taken) = (0, 0);
        for (var length = 1; length <= 16; length++)
        {
            code <<= 1;
            _index[length] = taken - code;
            for (var n = 0; n < counts[length - 1]; n++, code++, taken++)
            {
                if (code >= 1 << length)
                {
                    throw new VolumeException(
                        VolumeFault.CorruptData,
                        $"a Huffman table of the JPEG data has more codes of {length} bits than there are"
                    );
                }
                if (length <= QuickBits)
                {
                    var spare = QuickBits - length;
                    _quick
                        .AsSpan(code << spare, 1 << spare)
                        .Fill((ushort)(length << 8 | symbols[taken]));
                }
            }
            _past[length] = code;
        }
    }

    /// <summary>Takes one code.</summary>
    /// <exception cref="VolumeException">CorruptData: there is no such code, or the data end.</exception>
    public int Decode(JpegBits bits)
    {
        var next = bits.Peek16();
        var quick = _quick[next >> (16 - QuickBits)];
        if (quick != 0)
        {
            bits.Take(quick >> 8);
            return quick & 0xFF;
        }
        for (var length = QuickBits + 1; length <= 16; length++)
        {
            var code = next >> (16 - length);
            if (code < _past[length])
            {
                bits.Take(length);
                return _symbols[_index[length] + code];
            }
        }
        throw new VolumeException(
            VolumeFault.CorruptData,
            "the JPEG data of a frame hold a code that no Huffman table has"
        );
    }
}
