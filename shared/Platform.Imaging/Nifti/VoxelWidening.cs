using System.Numerics;

namespace Platform.Imaging;

/// <summary>Small integers to float: vector bodies; the scalar tail is the oracle of their tests.</summary>
internal static class VoxelWidening
{
    public static void ToFloat(ReadOnlySpan<byte> source, Span<float> target)
    {
        var n = 0;
        for (; n <= source.Length - Vector<byte>.Count; n += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(source[n..]), out var low, out var high);
            Store(low, target[n..]);
            Store(high, target[(n + Vector<ushort>.Count)..]);
        }
        for (; n < source.Length; n++)
        {
            target[n] = source[n];
        }
    }

    public static void ToFloat(ReadOnlySpan<sbyte> source, Span<float> target)
    {
        var n = 0;
        for (; n <= source.Length - Vector<sbyte>.Count; n += Vector<sbyte>.Count)
        {
            Vector.Widen(new Vector<sbyte>(source[n..]), out var low, out var high);
            Store(low, target[n..]);
            Store(high, target[(n + Vector<short>.Count)..]);
        }
        for (; n < source.Length; n++)
        {
            target[n] = source[n];
        }
    }

    public static void ToFloat(ReadOnlySpan<short> source, Span<float> target)
    {
        var n = 0;
        for (; n <= source.Length - Vector<short>.Count; n += Vector<short>.Count)
        {
            Store(new Vector<short>(source[n..]), target[n..]);
        }
        for (; n < source.Length; n++)
        {
            target[n] = source[n];
        }
    }

    public static void ToFloat(ReadOnlySpan<ushort> source, Span<float> target)
    {
        var n = 0;
        for (; n <= source.Length - Vector<ushort>.Count; n += Vector<ushort>.Count)
        {
            Store(new Vector<ushort>(source[n..]), target[n..]);
        }
        for (; n < source.Length; n++)
        {
            target[n] = source[n];
        }
    }

    private static void Store(Vector<short> values, Span<float> target)
    {
        Vector.Widen(values, out var low, out var high);
        Vector.ConvertToSingle(low).CopyTo(target);
        Vector.ConvertToSingle(high).CopyTo(target[Vector<int>.Count..]);
    }

    private static void Store(Vector<ushort> values, Span<float> target)
    {
        Vector.Widen(values, out var low, out var high);
        Vector.ConvertToSingle(Vector.AsVectorInt32(low)).CopyTo(target);
        Vector.ConvertToSingle(Vector.AsVectorInt32(high)).CopyTo(target[Vector<int>.Count..]);
    }
}
