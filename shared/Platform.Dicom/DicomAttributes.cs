using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>Values of attributes as they were read, by tag. Messages name attributes and numbers, never text.</summary>
/// <param name="isBigEndian">Byte order of binary values.</param>
/// <param name="outer">Where an attribute is looked for that is not here: a frame's in those of all frames, these in the data set.</param>
internal sealed class DicomAttributes(bool isBigEndian, DicomAttributes? outer = null)
{
    private readonly Dictionary<uint, byte[]> _values = [];

    public void Set(uint tag, ReadOnlySpan<byte> value) => _values[tag] = value.ToArray();

    /// <summary>Whether it is there and not empty.</summary>
    public bool Has(uint tag) => Bytes(tag).Length > 0;

    /// <summary>The bytes as they were read; none where it is absent.</summary>
    public ReadOnlySpan<byte> Bytes(uint tag) =>
        _values.TryGetValue(tag, out var value) ? value
        : outer is null ? []
        : outer.Bytes(tag);

    /// <summary>Without padding; empty where it is absent.</summary>
    public string Text(uint tag) => Encoding.ASCII.GetString(Bytes(tag)).Trim('\0', ' ');

    /// <summary>A US or SS as it is stored, 0 to 65535; null where it is absent.</summary>
    /// <exception cref="VolumeException">CorruptData: not two bytes.</exception>
    public int? Unsigned(uint tag)
    {
        if (!Has(tag))
        {
            return null;
        }
        var bytes = Bytes(tag);
        if (bytes.Length != 2)
        {
            throw NotWhole(tag);
        }
        return isBigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(bytes)
            : BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    /// <summary>An IS; null where it is absent.</summary>
    /// <exception cref="VolumeException">CorruptData: not a whole number.</exception>
    public int? Whole(uint tag) =>
        !Has(tag) ? null
        : int.TryParse(Text(tag), CultureInfo.InvariantCulture, out var value) ? value
        : throw NotWhole(tag);

    /// <summary>The first value of a DS or IS; null where it is absent or no number.</summary>
    public double? Decimal(uint tag) =>
        double.TryParse(Text(tag).Split('\\')[0], CultureInfo.InvariantCulture, out var value)
        && double.IsFinite(value)
            ? value
            : null;

    /// <summary>The values of an FD; none where it is absent or cut.</summary>
    public double[] Doubles(uint tag)
    {
        var bytes = Bytes(tag);
        var values = new double[bytes.Length / 8];
        for (var n = 0; n < values.Length; n++)
        {
            values[n] = isBigEndian
                ? BinaryPrimitives.ReadDoubleBigEndian(bytes[(8 * n)..])
                : BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * n)..]);
        }
        return Array.TrueForAll(values, double.IsFinite) ? values : [];
    }

    /// <summary>The values of a US, or group and element of each AT; none where it is absent.</summary>
    public ushort[] Shorts(uint tag)
    {
        var bytes = Bytes(tag);
        var values = new ushort[bytes.Length / 2];
        for (var n = 0; n < values.Length; n++)
        {
            values[n] = isBigEndian
                ? BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * n)..])
                : BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * n)..]);
        }
        return values;
    }

    /// <summary>A US or UL; null where it is neither.</summary>
    public double? Count(uint tag) =>
        (Bytes(tag).Length, isBigEndian) switch
        {
            (2, true) => BinaryPrimitives.ReadUInt16BigEndian(Bytes(tag)),
            (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(tag)),
            (4, true) => BinaryPrimitives.ReadUInt32BigEndian(Bytes(tag)),
            (4, false) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(tag)),
            _ => null,
        };

    /// <summary>The first values of a DS.</summary>
    /// <exception cref="VolumeException">BadGeometry: fewer; CorruptData: not finite numbers.</exception>
    public double[] Decimals(uint tag, string name, int count)
    {
        var words = Has(tag) ? Text(tag).Split('\\') : [];
        if (words.Length < count)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"{name} has {words.Length} values where {count} are needed"
            );
        }
        var numbers = new double[count];
        for (var n = 0; n < count; n++)
        {
            if (
                !double.TryParse(words[n].Trim(), CultureInfo.InvariantCulture, out numbers[n])
                || !float.IsFinite((float)numbers[n])
            )
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"value {n + 1} of {name} is not a number"
                );
            }
        }
        return numbers;
    }

    private static VolumeException NotWhole(uint tag) =>
        new(
            VolumeFault.CorruptData,
            $"element ({tag >> 16:X4},{tag & 0xFFFF:X4}) is not a whole number"
        );
}
