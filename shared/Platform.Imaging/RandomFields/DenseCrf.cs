using System.Numerics;

namespace Platform.Imaging.RandomFields;

/// <summary>
/// Refines class scores by a fully connected conditional random field (Krähenbühl and Koltun 2011), whose mean field is found by filtering: the positional
/// kernel by separable passes, the bilateral one on a permutohedral lattice that is built once.
/// </summary>
public static class DenseCrf
{
    /// <summary>Normalised intensities beyond this are taken for it.</summary>
    public const float IntensityLimit = 3.1f;

    /// <summary>
    /// Adds to the scores of each voxel of a region what the other voxels say to it. The same arguments give the same scores with any number of threads.
    /// Takes, a voxel of the region, 8(d + 1) + 16 bytes for d = 3 + channels, 4 bytes a class that is not background (in fours where there are several)
    /// and once more for the widest; the lattice's points 8(d + 1) + 40 bytes and more, of which there are at most d + 1 a voxel; 8 bytes a voxel of the grid.
    /// </summary>
    /// <param name="scores">Logits or log-probabilities, C×K×J×I, i fastest, background first; changed. They are log-probabilities but for a constant a voxel.</param>
    /// <param name="channels">Intensities in standard deviations of the foreground on the same grid; null where a channel is missing, which then tells no voxels apart.</param>
    /// <param name="region">Voxels of 0 keep their scores and say nothing.</param>
    /// <param name="options">Kernels and steps.</param>
    /// <param name="threads">At most; −1 for as many as there are cores.</param>
    /// <param name="cancellationToken">Stops between and within filters; the scores are then as they were.</param>
    /// <exception cref="ArgumentException">Lengths that differ, or a region or kernel too large for the lattice.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static void Refine(
        float[] scores,
        IReadOnlyList<float[]?> channels,
        Volume<byte> region,
        DenseCrfOptions options,
        int threads = -1,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Iterations, 1);
        var voxels = region.Voxels.Length;
        if (
            scores.Length % voxels != 0
            || channels.Count != options.IntensityDeviation.Count
            || channels.Any(channel => channel is not null && channel.Length != voxels)
        )
        {
            throw new ArgumentException(
                $"{scores.Length} scores and {channels.Count} channels for {voxels} voxels and {options.IntensityDeviation.Count} deviations",
                nameof(scores)
            );
        }
        var field = new CrfRegion(
            region,
            new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken }
        );
        var classes = scores.Length / voxels;
        if (field.Voxels.Length == 0 || classes < 2)
        {
            return;
        }
        if (classes == 2)
        {
            Refine<float>(scores, classes, channels, field, options);
        }
        else
        {
            Refine<Four>(scores, classes, channels, field, options);
        }
    }

    private static void Refine<T>(
        float[] scores,
        int classes,
        IReadOnlyList<float[]?> channels,
        CrfRegion region,
        DenseCrfOptions options
    )
        where T : unmanaged, IAdditionOperators<T, T, T>, IMultiplyOperators<T, float, T>
    {
        var (near, alike) = ((float)options.PositionalWeight, (float)options.BilateralWeight);
        var positional =
            near > 0 ? new PositionalKernel(region, options.PositionalDeviationMm) : null;
        var bilateral = alike > 0 ? Bilateral(channels, region, options) : null;
        var workspace = bilateral?.Workspace<T>() ?? default;
        var field = new MeanField<T>(scores, classes, region);
        for (var iteration = 0; iteration < options.Iterations; iteration++)
        {
            field.Believe(iteration == 0 ? 0 : near + alike);
            for (var group = 0; group < field.Groups; group++)
            {
                var (beliefs, messages) = field[group];
                if (bilateral is null)
                {
                    messages.AsSpan().Clear();
                }
                bilateral?.Filter(beliefs, messages, workspace, alike);
                for (var lane = 0; lane < field.LanesOf(group); lane++)
                {
                    positional?.Add(beliefs, messages, lane, near);
                }
                field.Hear(group);
            }
        }
        field.Conclude(near + alike);
    }

    private static PermutohedralLattice Bilateral(
        IReadOnlyList<float[]?> channels,
        CrfRegion region,
        DenseCrfOptions options
    )
    {
        var (shape, spacing) = (region.Grid.Shape, region.Grid.Spacing);
        var (stepI, stepJ, stepK) = (
            (float)(spacing.I / options.BilateralDeviationMm[0]),
            (float)(spacing.J / options.BilateralDeviationMm[1]),
            (float)(spacing.K / options.BilateralDeviationMm[2])
        );
        (float[] Voxels, float Scale)[] present =
        [
            .. channels
                .Zip(options.IntensityDeviation)
                .Where(pair => pair.First is not null)
                .Select(pair => (pair.First!, (float)(1 / pair.Second))),
        ];
        var dimensions = 3 + present.Length;
        return new(
            region.Voxels.Length,
            dimensions,
            (first, positions) =>
            {
                for (var at = 0; at < positions.Length; at += dimensions, first++)
                {
                    var voxel = region.Voxels[first];
                    var row = voxel / shape.I;
                    positions[at] = (voxel - row * shape.I) * stepI;
                    positions[at + 1] = row % shape.J * stepJ;
                    positions[at + 2] = row / shape.J * stepK;
                    for (var c = 0; c < present.Length; c++)
                    {
                        positions[at + 3 + c] =
                            Math.Clamp(present[c].Voxels[voxel], -IntensityLimit, IntensityLimit)
                            * present[c].Scale;
                    }
                }
            },
            region.Parallel
        );
    }
}
