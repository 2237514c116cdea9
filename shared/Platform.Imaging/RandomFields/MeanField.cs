using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platform.Imaging.RandomFields;

/// <summary>
/// What each voxel of a region believes its class to be, and what it hears from the others. The background is not kept: the beliefs of a voxel are 1 together, and filters
/// keep that so.
/// </summary>
/// <typeparam name="T">As many classes as are filtered at once: floats, one or more.</typeparam>
/// <param name="scores">Classes × voxels of the grid.</param>
/// <param name="classes">How many, background included.</param>
/// <param name="region">Where.</param>
internal sealed class MeanField<T>(float[] scores, int classes, CrfRegion region)
    where T : unmanaged
{
    private static readonly int _lanes = Unsafe.SizeOf<T>() / sizeof(float);

    /// <summary>By group of classes and by voxel: messages, or the beliefs that were made of them in their place.</summary>
    private readonly T[][] _groups =
    [
        .. Enumerable
            .Range(0, (classes - 2 + _lanes) / _lanes)
            .Select(_ => new T[region.Voxels.Length]),
    ];

    private T[] _next = new T[region.Voxels.Length];

    /// <summary>Groups of classes.</summary>
    public int Groups => _groups.Length;

    /// <summary>A group's beliefs by voxel, and where messages to it are to be put.</summary>
    public (T[] Beliefs, T[] Messages) this[int group] => (_groups[group], _next);

    /// <summary>Classes of a group.</summary>
    public int LanesOf(int group) => Math.Min(_lanes, classes - 1 - group * _lanes);

    /// <summary>The messages that were put for a group take the place of its beliefs.</summary>
    public void Hear(int group) => (_groups[group], _next) = (_next, _groups[group]);

    /// <summary>Scores and messages → beliefs.</summary>
    /// <param name="total">What the messages to all classes of a voxel are together; 0 before there are any.</param>
    public void Believe(float total) =>
        Blocks(
            total,
            (from, count, energies) =>
            {
                Normalise(energies, count);
                for (var c = 1; c < classes; c++)
                {
                    var row = energies.AsSpan(c * count, count);
                    var group = Group(c, from, count);
                    for (int n = 0, at = (c - 1) % _lanes; n < count; n++, at += _lanes)
                    {
                        group[at] = row[n];
                    }
                }
            }
        );

    /// <summary>Adds the messages to the scores.</summary>
    /// <param name="total">What the messages to all classes of a voxel are together.</param>
    public void Conclude(float total) =>
        Blocks(
            total,
            (from, count, energies) =>
            {
                for (var c = 0; c < classes; c++)
                {
                    var own = scores.AsSpan(c * (scores.Length / classes));
                    for (var n = 0; n < count; n++)
                    {
                        own[region.Voxels[from + n]] = energies[c * count + n];
                    }
                }
            }
        );

    /// <summary>Some classes of some voxels, interleaved.</summary>
    private Span<float> Group(int c, int from, int count) =>
        MemoryMarshal.Cast<T, float>(_groups[(c - 1) / _lanes].AsSpan(from, count));

    /// <summary>Scores and messages of some voxels at a time: classes × voxels.</summary>
    private void Blocks(float total, Action<int, int, float[]> use) =>
        region.Blocks(
            (from, to) =>
            {
                var (count, voxels) = (to - from, scores.Length / classes);
                var energies = ArrayPool<float>.Shared.Rent(classes * count);
                for (var n = 0; n < count; n++)
                {
                    energies[n] = scores[region.Voxels[from + n]] + total;
                }
                for (var c = 1; c < classes; c++)
                {
                    var group = Group(c, from, count);
                    for (int n = 0, at = (c - 1) % _lanes; n < count; n++, at += _lanes)
                    {
                        energies[n] -= group[at];
                        energies[c * count + n] =
                            scores[c * voxels + region.Voxels[from + n]] + group[at];
                    }
                }
                use(from, count, energies);
                ArrayPool<float>.Shared.Return(energies);
            }
        );

    /// <summary>Energies → probabilities, by the largest of each voxel, so that none overflows.</summary>
    private void Normalise(float[] energies, int count)
    {
        Span<float> most = stackalloc float[count];
        Span<float> sum = stackalloc float[count];
        most.Fill(float.NegativeInfinity);
        sum.Clear();
        for (var c = 0; c < classes; c++)
        {
            TensorPrimitives.Max(most, energies.AsSpan(c * count, count), most);
        }
        for (var c = 0; c < classes; c++)
        {
            var row = energies.AsSpan(c * count, count);
            TensorPrimitives.Subtract(row, most, row);
            TensorPrimitives.Exp(row, row);
            TensorPrimitives.Add(sum, row, sum);
        }
        for (var c = 1; c < classes; c++)
        {
            var row = energies.AsSpan(c * count, count);
            TensorPrimitives.Divide(row, sum, row);
        }
    }
}
