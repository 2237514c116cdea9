using System.Numerics;
using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// Patches of one labelled image as a network is to see them: turned by up to 10° about each axis, stretched by up to a tenth along each, brightness,
/// contrast and place in the body a little off, with noise. Sample n depends on the seed and n only.
/// </summary>
public sealed class ReverseSampler
{
    private const float Turn = 10 * MathF.PI / 180,
        Stretch = 0.1f,
        Contrast = 0.15f,
        Noise = 0.1f,
        PlaceError = 0.1f;

    /// <summary>Share of the patches that lie anywhere; the others show a voxel of a structure drawn first.</summary>
    private const double Anywhere = 1 / 8.0;

    private readonly ContextImage _image;
    private readonly Volume<byte> _classes;
    private readonly int[][] _voxels;
    private readonly int[] _patch;
    private readonly long _seed;

    /// <param name="image">The image.</param>
    /// <param name="classes">A class a voxel, on the image's grid.</param>
    /// <param name="edge">Voxels of a patch along each axis, at most; an axis that is shorter is covered whole.</param>
    /// <param name="seed">Of every draw.</param>
    public ReverseSampler(ContextImage image, Volume<byte> classes, int edge, long seed)
    {
        (_image, _classes, _seed) = (image, classes, seed);
        _patch = [.. Sizes.Select(size => Math.Min(edge, Multiple(size)))];
        _voxels =
        [
            .. Enumerable
                .Range(0, classes.Voxels.Length)
                .Where(n => classes.Voxels[n] > 0)
                .GroupBy(n => classes.Voxels[n])
                .OrderBy(structure => structure.Key)
                .Select(structure => structure.ToArray()),
        ];

        static int Multiple(int size) =>
            (size + ReverseNetwork.Multiple - 1)
            / ReverseNetwork.Multiple
            * ReverseNetwork.Multiple;
    }

    private int[] Sizes
    {
        get
        {
            var (i, j, k) = _classes.Geometry.Shape;
            return [i, j, k];
        }
    }

    /// <summary>A sample.</summary>
    public Batch Draw(long index)
    {
        var draw = new FastRandom(_seed, index);
        var corner = Corner(draw);
        var toImage = Warp(corner, draw);
        var (gain, offset) = (1 + Within(Contrast, draw), Within(Contrast, draw));
        var places = Enumerable
            .Range(0, 3)
            .Select(_ => (Gain: 1 + Within(PlaceError, draw), Offset: Within(PlaceError, draw)))
            .ToArray();
        var size = _patch[0] * _patch[1] * _patch[2];
        var (input, target) = (new float[ReverseNetwork.Channels * size], new byte[size]);
        draw.FillGaussian(input.AsSpan(0, size));
        for (int k = 0, n = 0; k < _patch[2]; k++)
        {
            for (var j = 0; j < _patch[1]; j++)
            {
                for (var i = 0; i < _patch[0]; i++, n++)
                {
                    var at = Vector3.Transform(corner + new Vector3(i, j, k), toImage);
                    target[n] = ClassAt(at);
                    input[n] =
                        gain * ReverseNetwork.Intensity(LevelAt(at)) + offset + Noise * input[n];
                    for (var axis = 0; axis < 3; axis++)
                    {
                        var place = ReverseNetwork.Place(at[axis], _image.Frame[axis]);
                        input[(1 + axis) * size + n] =
                            places[axis].Gain * place + places[axis].Offset;
                    }
                }
            }
        }
        long[] space = [_patch[2], _patch[1], _patch[0]];
        return new(
            tensor(input, [1, ReverseNetwork.Channels, .. space]),
            tensor(target, [1, .. space])
        );
    }

    /// <summary>The first voxel of a patch; before the image's first where the patch is longer.</summary>
    private Vector3 Corner(FastRandom draw)
    {
        int[] sizes = Sizes;
        var seen = draw.Next(_classes.Voxels.Length);
        if (_voxels.Length > 0 && !draw.Chance(Anywhere))
        {
            var structure = _voxels[draw.Next(_voxels.Length)];
            seen = structure[draw.Next(structure.Length)];
        }
        int[] at = [seen % sizes[0], seen / sizes[0] % sizes[1], seen / (sizes[0] * sizes[1])];
        var corner = Vector3.Zero;
        for (var axis = 0; axis < 3; axis++)
        {
            var spare = sizes[axis] - _patch[axis];
            corner[axis] =
                spare <= 0 ? spare / 2 : Math.Clamp(at[axis] - draw.Next(_patch[axis]), 0, spare);
        }
        return corner;
    }

    /// <summary>Where a voxel of the patch comes from: turned and stretched in mm about the patch's centre.</summary>
    private Matrix4x4 Warp(Vector3 corner, FastRandom draw)
    {
        var centre = corner + new Vector3(_patch[0], _patch[1], _patch[2]) / 2;
        var (i, j, k) = _classes.Geometry.Spacing;
        var spacing = new Vector3((float)i, (float)j, (float)k);
        return Matrix4x4.CreateTranslation(-centre)
            * Matrix4x4.CreateScale(spacing)
            * Matrix4x4.CreateFromYawPitchRoll(
                Within(Turn, draw),
                Within(Turn, draw),
                Within(Turn, draw)
            )
            * Matrix4x4.CreateScale(
                1 + Within(Stretch, draw),
                1 + Within(Stretch, draw),
                1 + Within(Stretch, draw)
            )
            * Matrix4x4.CreateScale(Vector3.One / spacing)
            * Matrix4x4.CreateTranslation(centre);
    }

    private static float Within(float most, FastRandom draw) => (float)draw.Uniform(-most, most);

    /// <summary>The nearest voxel's class; background beyond the image.</summary>
    private byte ClassAt(Vector3 at)
    {
        var shape = _classes.Geometry.Shape;
        var (i, j, k) = ((int)MathF.Round(at.X), (int)MathF.Round(at.Y), (int)MathF.Round(at.Z));
        return (uint)i < (uint)shape.I && (uint)j < (uint)shape.J && (uint)k < (uint)shape.K
            ? _classes[i, j, k]
            : (byte)0;
    }

    /// <summary>The level between eight voxels; air beyond the image.</summary>
    private float LevelAt(Vector3 at)
    {
        var (levels, shape) = (_image.Levels, _image.Levels.Geometry.Shape);
        var (i, j, k) = ((int)MathF.Floor(at.X), (int)MathF.Floor(at.Y), (int)MathF.Floor(at.Z));
        var (a, b, c) = (at.X - i, at.Y - j, at.Z - k);
        return (1 - c) * ((1 - b) * Along(j, k) + b * Along(j + 1, k))
            + c * ((1 - b) * Along(j, k + 1) + b * Along(j + 1, k + 1));

        float Along(int rowJ, int rowK) => (1 - a) * Of(i, rowJ, rowK) + a * Of(i + 1, rowJ, rowK);
        float Of(int x, int y, int z) =>
            (uint)x < (uint)shape.I && (uint)y < (uint)shape.J && (uint)z < (uint)shape.K
                ? levels[x, y, z]
                : _image.Air;
    }
}
