using System.Runtime.InteropServices;

namespace Platform.Imaging.RandomFields;

/// <summary>
/// A Gaussian over positions on the grid alone, within a region: the weighted mean of the region's voxels, by three passes along the axes. Exact to four deviations,
/// and it needs no lattice. Takes 8 bytes a voxel of the grid and 4 a voxel of the region.
/// </summary>
internal sealed class PositionalKernel
{
    private readonly CrfRegion _region;
    private readonly AxisWeights _alongI;
    private readonly AxisWeights _alongJ;
    private readonly AxisWeights _alongK;

    /// <summary>What is filtered, 0 outside the region, and what comes of it.</summary>
    private readonly float[] _values;
    private readonly float[] _filtered;

    /// <summary>One over the share of the Gaussian that lies in the region, by voxel of it.</summary>
    private readonly float[] _scale;

    /// <param name="region">The voxels that are filtered.</param>
    /// <param name="deviationsMm">Along i, j, k.</param>
    public PositionalKernel(CrfRegion region, IReadOnlyList<double> deviationsMm)
    {
        var (shape, spacing) = (region.Grid.Shape, region.Grid.Spacing);
        _region = region;
        _alongI = AxisWeights.Gaussian(shape.I, deviationsMm[0] / spacing.I, Border.Zero);
        _alongJ = AxisWeights.Gaussian(shape.J, deviationsMm[1] / spacing.J, Border.Zero);
        _alongK = AxisWeights.Gaussian(shape.K, deviationsMm[2] / spacing.K, Border.Zero);
        _values = new float[region.Grid.VoxelCount];
        _filtered = new float[_values.Length];
        _scale = new float[region.Voxels.Length];
        var ones = new float[_scale.Length];
        ones.AsSpan().Fill(1);
        Filter(ones, 1, 0);
        region.Blocks(
            (from, to) =>
            {
                for (var n = from; n < to; n++)
                {
                    _scale[n] = 1 / _filtered[region.Voxels[n]];
                }
            }
        );
    }

    /// <summary>Adds the weighted means of one lane.</summary>
    /// <param name="values">Lanes a voxel of the region.</param>
    /// <param name="sums">Likewise; added to.</param>
    /// <param name="lane">Which is meant.</param>
    /// <param name="weight">What the means are multiplied by.</param>
    public void Add<T>(T[] values, T[] sums, int lane, float weight)
        where T : unmanaged
    {
        var lanes = MemoryMarshal.Cast<T, float>(values.AsSpan()).Length / values.Length;
        Filter(values, lanes, lane);
        _region.Blocks(
            (from, to) =>
            {
                var target = MemoryMarshal.Cast<T, float>(sums.AsSpan());
                for (var n = from; n < to; n++)
                {
                    target[n * lanes + lane] += weight * _scale[n] * _filtered[_region.Voxels[n]];
                }
            }
        );
    }

    private void Filter<T>(T[] values, int lanes, int lane)
        where T : unmanaged
    {
        _region.Blocks(
            (from, to) =>
            {
                var source = MemoryMarshal.Cast<T, float>(values.AsSpan());
                for (var n = from; n < to; n++)
                {
                    _values[_region.Voxels[n]] = source[n * lanes + lane];
                }
            }
        );
        SeparableFilter.Apply(
            _values,
            _region.Grid.Shape,
            _alongI,
            _alongJ,
            _alongK,
            0,
            _filtered,
            _region.Parallel
        );
    }
}
