using Platform.Imaging;

namespace Platform.Inference;

/// <summary>An image on the network's grid, normalised, with the box that is worth computing.</summary>
public sealed class PreparedImage
{
    /// <summary>Voxels of background kept around the foreground, so that the network sees where it ends.</summary>
    private const int Margin = 4;

    /// <summary>A plane belongs to the foreground where more than this share of it does: single noisy voxels do not.</summary>
    private const double LeastShare = 0.005;

    private PreparedImage(
        Volume<float> image,
        Box box,
        float background,
        float deviation,
        IReadOnlyList<ImageChannel>? others = null
    ) =>
        (Image, Box, Background, Deviation, Others) = (
            image,
            box,
            background,
            deviation,
            others ?? []
        );

    /// <summary>The first channel.</summary>
    internal Volume<float> Image { get; }

    /// <summary>The channels after the first, on its grid.</summary>
    private IReadOnlyList<ImageChannel> Others { get; }

    /// <summary>All channels.</summary>
    internal IReadOnlyList<ImageChannel> Channels => [new(Image.Voxels, Background), .. Others];

    internal Box Box { get; }

    /// <summary>The lowest normalised value: what lies outside the image.</summary>
    internal float Background { get; }

    /// <summary>One normalised unit in the image's units.</summary>
    internal float Deviation { get; }

    /// <summary>Other voxels in every channel that is there, on the same grid.</summary>
    internal PreparedImage With(Func<float[], float[]> alter, Box box) =>
        new(
            new(Image.Geometry, alter(Image.Voxels)),
            box,
            Background,
            Deviation,
            [
                .. Others.Select(channel =>
                    channel with
                    {
                        Voxels = channel.Voxels is { } voxels ? alter(voxels) : null,
                    }
                ),
            ]
        );

    /// <summary>The grid of the box.</summary>
    internal VolumeGeometry BoxGeometry
    {
        get
        {
            var (x, y, z) = Image.Geometry.ToWorld(Box.I, Box.J, Box.K);
            double[] affine = [.. Image.Geometry.Affine];
            (affine[3], affine[7], affine[11]) = (x, y, z);
            return new VolumeGeometry(Box.Size, affine);
        }
    }

    /// <summary>Each channel in the box, null where it is missing, and where any of them is not air: 1 there.</summary>
    internal (IReadOnlyList<float[]?> Channels, Volume<byte> Foreground) Cut()
    {
        var foreground = new Volume<byte>(BoxGeometry);
        var channels = Channels
            .Select(channel =>
            {
                if (channel.Voxels is not { } voxels)
                {
                    return null;
                }
                var cut = new float[foreground.Voxels.Length];
                Parallel.For(0, Box.Size.J * Box.Size.K, Row);
                return cut;

                void Row(int row)
                {
                    var (j, k) = (row % Box.Size.J + Box.J, row / Box.Size.J + Box.K);
                    var from = Box.I + Image.Geometry.Shape.I * (j + Image.Geometry.Shape.J * k);
                    for (var n = row * Box.Size.I; n < (row + 1) * Box.Size.I; n++, from++)
                    {
                        cut[n] = voxels[from];
                        foreground.Voxels[n] |= cut[n] > channel.Air ? (byte)1 : (byte)0;
                    }
                }
            })
            .ToArray();
        return (channels, foreground);
    }

    /// <summary>Voxels along i, j, k that the tiles of this image hold together, halos and padding included: what the network computes.</summary>
    /// <param name="tiling">How the image is cut.</param>
    public (long I, long J, long K) TileGrid(ModelTiling tiling)
    {
        long Fit(int length, int axis)
        {
            var plan = TilePlan.Fit(length, tiling.MaxTile[axis], tiling.Multiple, tiling.Halo, 0);
            return (long)plan.Size * plan.Tiles.Count;
        }
        return (Fit(Box.Size.I, 0), Fit(Box.Size.J, 1), Fit(Box.Size.K, 2));
    }

    /// <summary>Turned, resampled and normalised as a network wants it.</summary>
    /// <param name="image">Any grid and orientation, any units.</param>
    /// <param name="input">What the network wants.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    internal static PreparedImage Make(Volume<float> image, ModelInput input)
    {
        var turned = Orienter.ToOrientation(
            image,
            input.Orientation == SliceAxis.Last
                ? SliceAxis.OrientationOf(image.Geometry)
                : input.Orientation
        );
        if (input.SpacingMm is [var i, var j, var k])
        {
            var own = turned.Geometry.Spacing;
            turned = Resampler.Linear(
                turned,
                Resampler.ToSpacing(turned.Geometry, (Or(i, own.I), Or(j, own.J), Or(k, own.K)))
            );
        }
        return Make(turned, input.Normalisation);

        static double Or(double spacing, double own) => spacing > 0 ? spacing : own;
    }

    /// <summary>Turned, resampled and normalised as a network of several channels wants it.</summary>
    /// <param name="images">As many as the network has channels, in their order, on one grid; null where an optional one is missing.</param>
    /// <param name="input">What the network wants.</param>
    /// <exception cref="ArgumentException">Another number of images, or none where the channel is required.</exception>
    /// <exception cref="VolumeException">A non-finite voxel, no contrast, or images on different grids.</exception>
    internal static PreparedImage Make(IReadOnlyList<Volume<float>?> images, ModelInput input)
    {
        if (images.Count != input.Channels.Count)
        {
            throw new ArgumentException(
                $"{images.Count} images for the channels {string.Join(", ", input.Channels)}",
                nameof(images)
            );
        }
        PreparedImage? first = null;
        var others = new List<ImageChannel>();
        foreach (var (image, name) in images.Zip(input.Channels))
        {
            if (image is null)
            {
                others.Add(
                    input.OptionalChannels.Contains(name)
                        ? new(null, 0)
                        : throw new ArgumentException($"channel {name} is required", nameof(images))
                );
                continue;
            }
            if (image.Geometry != images[0]!.Geometry)
            {
                throw new VolumeException(
                    VolumeFault.BadGeometry,
                    $"channel {name} lies on another grid than {input.Channels[0]}: align it first"
                );
            }
            var prepared = Make(image, input);
            if (first is null)
            {
                first = prepared;
            }
            else
            {
                others.Add(new(prepared.Image.Voxels, prepared.Background));
            }
        }
        return new(first!.Image, first.Box, first.Background, first.Deviation, others);
    }

    internal static PreparedImage Make(Volume<float> image, Normalisation normalisation)
    {
        var (threshold, low, _, mean, deviation) = Normaliser.Measure(
            image.Voxels,
            normalisation.LowPercentile,
            normalisation.HighPercentile
        );
        var normalised = Normaliser.Apply(
            image,
            normalisation.LowPercentile,
            normalisation.HighPercentile
        );
        return new PreparedImage(
            normalised,
            Foreground(image, threshold),
            (low - mean) / deviation,
            deviation
        );
    }

    private static Box Foreground(Volume<float> image, float threshold)
    {
        var (sizeI, sizeJ, sizeK) = image.Geometry.Shape;
        var (alongI, alongJ, alongK) = (new int[sizeI], new int[sizeJ], new int[sizeK]);
        for (var k = 0; k < sizeK; k++)
        {
            for (var j = 0; j < sizeJ; j++)
            {
                var row = image.Voxels.AsSpan((k * sizeJ + j) * sizeI, sizeI);
                var count = 0;
                for (var i = 0; i < row.Length; i++)
                {
                    var inside = row[i] > threshold ? 1 : 0;
                    alongI[i] += inside;
                    count += inside;
                }
                alongJ[j] += count;
                alongK[k] += count;
            }
        }
        var (i0, countI) = Range(alongI, sizeJ * sizeK);
        var (j0, countJ) = Range(alongJ, sizeI * sizeK);
        var (k0, countK) = Range(alongK, sizeI * sizeJ);
        return new Box(i0, j0, k0, (countI, countJ, countK));
    }

    private static (int First, int Count) Range(int[] counts, int plane)
    {
        var least = LeastShare * plane;
        var first = Array.FindIndex(counts, n => n > least);
        if (first < 0)
        {
            return (0, counts.Length);
        }
        var last = Array.FindLastIndex(counts, n => n > least);
        first = Math.Max(0, first - Margin);
        return (first, Math.Min(counts.Length, last + Margin + 1) - first);
    }
}

/// <summary>One channel on the network's grid.</summary>
/// <param name="Voxels">Normalised, i fastest; null where the channel is missing: zero everywhere, the mean of every channel.</param>
/// <param name="Outside">What lies outside the image.</param>
internal readonly record struct ImageChannel(float[]? Voxels, float Outside)
{
    /// <summary>What is above this is no air: clipped and outside are the same value up to rounding.</summary>
    public float Air => Outside + 1e-5f * Math.Max(1, Math.Abs(Outside));
}
