using System.Buffers.Binary;
using System.Text;

namespace Platform.Dicom.Deidentification;

/// <summary>Writes elements in explicit VR little endian (PS3.5 section 7.1), sequences and items with undefined length.</summary>
internal sealed class ElementWriter(Stream target)
{
    private const int MostShortBytes = 65_534;

    /// <summary>Whether a value of this length can be written in this representation.</summary>
    public static bool Fits(string vr, uint length) =>
        !TransferSyntax.HasShortLength(vr) || length <= MostShortBytes;

    /// <summary>Writes an element whose value is padded to an even length.</summary>
    public void Write(uint tag, string vr, ReadOnlySpan<byte> value)
    {
        WriteHead(tag, vr, (uint)(value.Length + value.Length % 2));
        target.Write(value);
        if (value.Length % 2 == 1)
        {
            target.WriteByte(Padding(vr));
        }
    }

    /// <summary>Writes the head; the value comes next.</summary>
    public void WriteHead(uint tag, string vr, uint length)
    {
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)tag);
        Encoding.ASCII.GetBytes(vr, head[4..]);
        if (TransferSyntax.HasShortLength(vr))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head[6..], checked((ushort)length));
            target.Write(head[..8]);
            return;
        }
        head[6..8].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], length);
        target.Write(head);
    }

    /// <summary>Writes an item, or the end of one or of a sequence: without representation.</summary>
    public void WriteItem(uint tag, uint length)
    {
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)tag);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], length);
        target.Write(head);
    }

    private static byte Padding(string vr) => vr is "UI" or "OB" or "UN" ? (byte)0 : (byte)' ';
}
