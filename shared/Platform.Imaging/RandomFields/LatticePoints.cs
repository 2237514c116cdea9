using System.Numerics;

namespace Platform.Imaging.RandomFields;

/// <summary>Lattice points by name, numbered in the order they were added: an open-addressing hash table of integers.</summary>
internal sealed class LatticePoints
{
    private const ulong GoldenRatio = 0x9E37_79B9_7F4A_7C15;

    private long[] _names = new long[1 << 12];
    private int[] _slots = Empty(1 << 13);
    private int _shift = 64 - 13;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Name by number.</summary>
    public ReadOnlySpan<long> Names => _names.AsSpan(0, Count);

    /// <summary>The number of a point, which is new where there was none of its name.</summary>
    public int Add(long name)
    {
        var slot = Slot(name);
        if (_slots[slot] >= 0)
        {
            return _slots[slot];
        }
        if (Count == _names.Length)
        {
            Grow();
            slot = Slot(name);
        }
        _names[Count] = name;
        _slots[slot] = Count;
        return Count++;
    }

    /// <summary>The number of a point; −1 where there is none of that name.</summary>
    public int Find(long name) => _slots[Slot(name)];

    /// <summary>Where a name is, or would be.</summary>
    private int Slot(long name)
    {
        var (slots, names) = (_slots, _names);
        var slot = (int)(((ulong)name * GoldenRatio) >> _shift);
        while (slots[slot] is >= 0 and var number && names[number] != name)
        {
            slot = (slot + 1) & (slots.Length - 1);
        }
        return slot;
    }

    /// <summary>Twice the room; half of the slots, at most, are taken.</summary>
    private void Grow()
    {
        Array.Resize(ref _names, checked(2 * _names.Length));
        _slots = Empty(checked(2 * _slots.Length));
        _shift = 64 - BitOperations.Log2((uint)_slots.Length);
        for (var number = 0; number < Count; number++)
        {
            _slots[Slot(_names[number])] = number;
        }
    }

    private static int[] Empty(int count)
    {
        var slots = GC.AllocateUninitializedArray<int>(count);
        slots.AsSpan().Fill(-1);
        return slots;
    }
}
