using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platform.Imaging;

/// <summary>Turns stored voxels into values of type T, slab by slab.</summary>
internal sealed class VoxelConverter<T>(VolumeHeader header)
    where T : unmanaged
{
    private const int Chunk = 4096;

    private readonly float[] _floats = new float[Chunk];

    /// <summary>NaN and infinite values met so far.</summary>
    public long NonFinite { get; private set; }

    /// <summary>Converts a slab; the bytes are overwritten when their order must be turned.</summary>
    public void Convert(Span<byte> bytes, Span<T> target)
    {
        ToMachineOrder(bytes);
        if (!header.IsScaled && IsStoredAs(header.Type))
        {
            MemoryMarshal.Cast<byte, T>(bytes).CopyTo(target);
            if (typeof(T) == typeof(float))
            {
                NonFinite += CountNonFinite(MemoryMarshal.Cast<T, float>(target));
            }
            return;
        }
        var size = header.Type.Bytes();
        for (var from = 0; from < target.Length; from += Chunk)
        {
            var part = target.Slice(from, Math.Min(Chunk, target.Length - from));
            var source = bytes.Slice(from * size, part.Length * size);
            if (typeof(T) == typeof(float))
            {
                ToFloat(source, MemoryMarshal.Cast<T, float>(part));
            }
            else
            {
                var floats = _floats.AsSpan(0, part.Length);
                ToFloat(source, floats);
                ToLabels(floats, part);
            }
        }
    }

    private static bool IsStoredAs(NiftiType type) =>
        type switch
        {
            NiftiType.Float32 => typeof(T) == typeof(float),
            NiftiType.UInt8 => typeof(T) == typeof(byte),
            NiftiType.UInt16 => typeof(T) == typeof(ushort),
            NiftiType.Int16 => typeof(T) == typeof(short),
            _ => false,
        };

    private void ToMachineOrder(Span<byte> bytes)
    {
        if (header.BigEndian != BitConverter.IsLittleEndian)
        {
            return;
        }
        switch (header.Type.Bytes())
        {
            case 2:
                var two = MemoryMarshal.Cast<byte, ushort>(bytes);
                BinaryPrimitives.ReverseEndianness(two, two);
                break;
            case 4:
                var four = MemoryMarshal.Cast<byte, uint>(bytes);
                BinaryPrimitives.ReverseEndianness(four, four);
                break;
            case 8:
                var eight = MemoryMarshal.Cast<byte, ulong>(bytes);
                BinaryPrimitives.ReverseEndianness(eight, eight);
                break;
        }
    }

    private void ToFloat(ReadOnlySpan<byte> bytes, Span<float> target)
    {
        switch (header.Type)
        {
            case NiftiType.UInt8:
                VoxelWidening.ToFloat(bytes, target);
                Scale(target);
                break;
            case NiftiType.Int8:
                VoxelWidening.ToFloat(MemoryMarshal.Cast<byte, sbyte>(bytes), target);
                Scale(target);
                break;
            case NiftiType.Int16:
                VoxelWidening.ToFloat(MemoryMarshal.Cast<byte, short>(bytes), target);
                Scale(target);
                break;
            case NiftiType.UInt16:
                VoxelWidening.ToFloat(MemoryMarshal.Cast<byte, ushort>(bytes), target);
                Scale(target);
                break;
            case NiftiType.Float32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(target);
                Scale(target);
                break;
            case NiftiType.Int32:
                ScaleInDouble<int>(bytes, target);
                break;
            case NiftiType.UInt32:
                ScaleInDouble<uint>(bytes, target);
                break;
            case NiftiType.Int64:
                ScaleInDouble<long>(bytes, target);
                break;
            case NiftiType.UInt64:
                ScaleInDouble<ulong>(bytes, target);
                break;
            case NiftiType.Float64:
                ScaleInDouble<double>(bytes, target);
                break;
        }
        if (header.IsScaled || header.Type is NiftiType.Float32 or NiftiType.Float64)
        {
            NonFinite += CountNonFinite(target);
        }
    }

    private void Scale(Span<float> values)
    {
        if (header.IsScaled)
        {
            TensorPrimitives.Multiply(values, (float)header.Slope, values);
            TensorPrimitives.Add(values, (float)header.Intercept, values);
        }
    }

    private void ScaleInDouble<TStored>(ReadOnlySpan<byte> bytes, Span<float> target)
        where TStored : unmanaged, INumberBase<TStored>
    {
        var stored = MemoryMarshal.Cast<byte, TStored>(bytes);
        for (var n = 0; n < target.Length; n++)
        {
            target[n] = (float)(
                double.CreateTruncating(stored[n]) * header.Slope + header.Intercept
            );
        }
    }

    private static void ToLabels(ReadOnlySpan<float> values, Span<T> target)
    {
        if (typeof(T) == typeof(byte))
        {
            ToIntegers(values, MemoryMarshal.Cast<T, byte>(target));
        }
        else if (typeof(T) == typeof(ushort))
        {
            ToIntegers(values, MemoryMarshal.Cast<T, ushort>(target));
        }
        else if (typeof(T) == typeof(short))
        {
            ToIntegers(values, MemoryMarshal.Cast<T, short>(target));
        }
        else
        {
            throw new NotSupportedException(
                $"volumes of {typeof(T).Name} are not read: use float, byte, ushort or short"
            );
        }
    }

    private static void ToIntegers<TLabel>(ReadOnlySpan<float> values, Span<TLabel> labels)
        where TLabel : unmanaged, IBinaryInteger<TLabel>, IMinMaxValue<TLabel>
    {
        var (least, most) = (
            float.CreateTruncating(TLabel.MinValue),
            float.CreateTruncating(TLabel.MaxValue)
        );
        for (var n = 0; n < values.Length; n++)
        {
            var value = values[n];
            if (!(value >= least && value <= most) || value != MathF.Truncate(value))
            {
                throw new VolumeException(
                    VolumeFault.BadVoxels,
                    $"the value {value} is not a label of {Unsafe.SizeOf<TLabel>() * 8} bits: labels here are whole numbers from {least} to {most}"
                );
            }
            labels[n] = TLabel.CreateTruncating(value);
        }
    }

    private static long CountNonFinite(ReadOnlySpan<float> values)
    {
        const int Exponent = 0x7F80_0000;
        var bits = MemoryMarshal.Cast<float, int>(values);
        var n = 0;
        var count = 0L;
        for (; n <= bits.Length - Vector<int>.Count; n += Vector<int>.Count)
        {
            var exponent = new Vector<int>(bits[n..]) & new Vector<int>(Exponent);
            if (Vector.EqualsAny(exponent, new Vector<int>(Exponent)))
            {
                count -= Vector.Sum(Vector.Equals(exponent, new Vector<int>(Exponent)));
            }
        }
        for (; n < values.Length; n++)
        {
            count += float.IsFinite(values[n]) ? 0 : 1;
        }
        return count;
    }
}
