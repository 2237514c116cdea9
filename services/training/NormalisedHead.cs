using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>A synthetic head as a network sees it.</summary>
/// <param name="Shape">Voxels along R, A, S.</param>
/// <param name="Channels">Normalised values, i fastest, and what lies outside the volume.</param>
/// <param name="Labels">Target class of every voxel.</param>
public sealed record NormalisedHead(
    (int I, int J, int K) Shape,
    IReadOnlyList<(float[] Voxels, float Outside)> Channels,
    byte[] Labels
)
{
    /// <summary>A box that may reach beyond the head, 1×channels×K×J×I; a missing channel is zero everywhere.</summary>
    /// <param name="corner">First voxel along i, j, k.</param>
    /// <param name="size">Voxels along i, j, k.</param>
    /// <param name="missing">By channel.</param>
    public Tensor Input(int[] corner, int[] size, IReadOnlyList<bool> missing)
    {
        var voxels = size[0] * size[1] * size[2];
        var input = new float[Channels.Count * voxels];
        for (var channel = 0; channel < Channels.Count; channel++)
        {
            if (!missing[channel])
            {
                var (values, outside) = Channels[channel];
                var part = input.AsSpan(channel * voxels, voxels);
                Copy(values, Shape, corner, size, part, outside);
            }
        }
        return tensor(input, [1, Channels.Count, size[2], size[1], size[0]]);
    }

    /// <summary>Copies a box that may reach beyond a volume.</summary>
    public static void Copy<T>(
        T[] volume,
        (int I, int J, int K) shape,
        int[] corner,
        int[] size,
        Span<T> box,
        T outside
    )
    {
        var first = Math.Clamp(-corner[0], 0, size[0]);
        var last = Math.Clamp(shape.I - corner[0], first, size[0]);
        box.Fill(outside);
        for (var k = 0; k < size[2]; k++)
        {
            for (var j = 0; j < size[1]; j++)
            {
                var (fromJ, fromK) = (corner[1] + j, corner[2] + k);
                if ((uint)fromJ < (uint)shape.J && (uint)fromK < (uint)shape.K)
                {
                    volume
                        .AsSpan(
                            shape.I * (fromJ + shape.J * fromK) + corner[0] + first,
                            last - first
                        )
                        .CopyTo(box[(size[0] * (j + size[1] * k) + first)..]);
                }
            }
        }
    }
}
