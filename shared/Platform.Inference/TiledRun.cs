using System.Buffers;
using System.Numerics.Tensors;

namespace Platform.Inference;

/// <summary>Runs a network over a box of any size by tiles; halos are computed and discarded.</summary>
internal static class TiledRun
{
    /// <summary>Score of all classes but the background where a tile is not computed; the background's is 0.</summary>
    private const float Skipped = -10;

    /// <summary>Runs the network over the foreground of a prepared image.</summary>
    /// <inheritdoc cref="Run(OnnxModel, IReadOnlyList{ImageChannel}, ValueTuple{int, int, int}, Box, CancellationToken)"/>
    public static float[] Run(
        OnnxModel model,
        PreparedImage prepared,
        CancellationToken cancellationToken
    ) =>
        Run(
            model,
            prepared.Channels,
            prepared.Image.Geometry.Shape,
            prepared.Box,
            cancellationToken
        );

    /// <summary>Runs the network over a box of an image.</summary>
    /// <param name="model">The network.</param>
    /// <param name="channels">The image's channels; the first is there.</param>
    /// <param name="shape">The image's voxels along i, j, k.</param>
    /// <param name="box">The part of the image to compute.</param>
    /// <param name="cancellationToken">Stops between and within tiles.</param>
    /// <returns>Channel after channel, each of the box's voxels (K times the depth factor), i fastest.</returns>
    public static float[] Run(
        OnnxModel model,
        IReadOnlyList<ImageChannel> channels,
        (int I, int J, int K) shape,
        Box box,
        CancellationToken cancellationToken
    )
    {
        var tiling = model.Manifest.Tiling;
        var (sizeI, sizeJ, sizeK) = box.Size;
        TilePlan Fit(int length, int axis) =>
            TilePlan.Fit(length, tiling.MaxTile[axis], tiling.Multiple, tiling.Halo, model.Context);
        var (planI, planJ, planK) = (Fit(sizeI, 0), Fit(sizeJ, 1), Fit(sizeK, 2));
        var output = new float[
            checked(model.OutputChannels * sizeI * sizeJ * sizeK * model.DepthFactor)
        ];
        var voxels = planI.Size * planJ.Size * planK.Size;
        var tile = ArrayPool<float>.Shared.Rent(channels.Count * voxels);
        try
        {
            foreach (var k in planK.Tiles)
            {
                foreach (var j in planJ.Tiles)
                {
                    foreach (var i in planI.Tiles)
                    {
                        if (
                            tiling.SkipBackground
                            && IsBackground(channels[0], shape, box, (i, j, k))
                        )
                        {
                            Skip(output, model.OutputChannels, box.Size, (i, j, k));
                            continue;
                        }
                        for (var channel = 0; channel < channels.Count; channel++)
                        {
                            Gather(
                                channels[channel],
                                shape,
                                (box.I + i.Start, box.J + j.Start, box.K + k.Start),
                                (planI.Size, planJ.Size, planK.Size),
                                tile.AsSpan(channel * voxels, voxels)
                            );
                        }
                        model.Run(
                            tile,
                            [1, channels.Count, planK.Size, planJ.Size, planI.Size],
                            (values, given) =>
                                Scatter(values, given, model, (i, j, k), box.Size, output),
                            cancellationToken
                        );
                    }
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(tile);
        }
        return output;
    }

    /// <summary>Whether all voxels that are taken from a tile have the value that lies outside the image.</summary>
    private static bool IsBackground(
        ImageChannel image,
        (int I, int J, int K) shape,
        Box box,
        (AxisTile I, AxisTile J, AxisTile K) tile
    )
    {
        for (var k = box.K + tile.K.From; k < box.K + tile.K.To; k++)
        {
            for (var j = box.J + tile.J.From; j < box.J + tile.J.To; j++)
            {
                var row = image.Voxels.AsSpan(
                    (k * shape.J + j) * shape.I + box.I + tile.I.From,
                    tile.I.To - tile.I.From
                );
                if (TensorPrimitives.Max(row) > image.Air)
                {
                    return false;
                }
            }
        }
        return true;
    }

    private static void Skip(
        float[] output,
        int channels,
        (int I, int J, int K) box,
        (AxisTile I, AxisTile J, AxisTile K) tile
    )
    {
        for (var channel = 1; channel < channels; channel++)
        {
            for (var k = tile.K.From; k < tile.K.To; k++)
            {
                for (var j = tile.J.From; j < tile.J.To; j++)
                {
                    var row = ((channel * box.K + k) * box.J + j) * box.I;
                    output.AsSpan(row + tile.I.From, tile.I.To - tile.I.From).Fill(Skipped);
                }
            }
        }
    }

    private static void Gather(
        ImageChannel image,
        (int I, int J, int K) shape,
        (int I, int J, int K) start,
        (int I, int J, int K) size,
        Span<float> tile
    )
    {
        if (image.Voxels is not { } voxels)
        {
            tile.Clear();
            return;
        }
        var outside = image.Outside;
        var first = Math.Clamp(-start.I, 0, size.I);
        var last = Math.Clamp(shape.I - start.I, first, size.I);
        for (var k = 0; k < size.K; k++)
        {
            for (var j = 0; j < size.J; j++)
            {
                var row = tile.Slice((k * size.J + j) * size.I, size.I);
                var (sourceJ, sourceK) = (start.J + j, start.K + k);
                if (
                    first == last
                    || (uint)sourceJ >= (uint)shape.J
                    || (uint)sourceK >= (uint)shape.K
                )
                {
                    row.Fill(outside);
                    continue;
                }
                row[..first].Fill(outside);
                voxels
                    .AsSpan((sourceK * shape.J + sourceJ) * shape.I + start.I + first, last - first)
                    .CopyTo(row[first..]);
                row[last..].Fill(outside);
            }
        }
    }

    private static void Scatter(
        ReadOnlySpan<float> values,
        ReadOnlySpan<long> given,
        OnnxModel model,
        (AxisTile I, AxisTile J, AxisTile K) tile,
        (int I, int J, int K) box,
        float[] output
    )
    {
        var (channels, depth) = (model.OutputChannels, model.DepthFactor);
        var (givenK, givenJ, givenI) = ((int)given[2], (int)given[3], (int)given[4]);
        var skipI = tile.I.From - tile.I.Start - model.Context;
        var skipJ = tile.J.From - tile.J.Start - model.Context;
        var skipK = (tile.K.From - tile.K.Start - model.Context) * depth;
        var width = tile.I.To - tile.I.From;
        for (var channel = 0; channel < channels; channel++)
        {
            for (var k = 0; k < (tile.K.To - tile.K.From) * depth; k++)
            {
                for (var j = 0; j < tile.J.To - tile.J.From; j++)
                {
                    var source =
                        ((channel * givenK + skipK + k) * givenJ + skipJ + j) * givenI + skipI;
                    var target =
                        (
                            (channel * box.K * depth + tile.K.From * depth + k) * box.J
                            + tile.J.From
                            + j
                        ) * box.I
                        + tile.I.From;
                    values.Slice(source, width).CopyTo(output.AsSpan(target, width));
                }
            }
        }
    }
}

/// <summary>A box of voxels: first voxel and size.</summary>
internal readonly record struct Box(int I, int J, int K, (int I, int J, int K) Size);
