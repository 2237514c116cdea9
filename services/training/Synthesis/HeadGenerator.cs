using System.Runtime.Intrinsics;

namespace Platform.Training.Synthesis;

/// <summary>One synthetic head.</summary>
/// <param name="Shape">Voxels along R, A, S.</param>
/// <param name="Images">A channel each: intensities, i fastest, arbitrary units, not below zero.</param>
/// <param name="Labels">Target class of every voxel.</param>
public sealed record SyntheticHead(
    (int I, int J, int K) Shape,
    IReadOnlyList<float[]> Images,
    byte[] Labels
)
{
    /// <summary>The first channel.</summary>
    public float[] Image => Images[0];
}

/// <summary>
/// Label map → image with known truth (the generator of SynthSeg, Billot et al. 2023): affine and elastic deformation, mirror,
/// skull stripping, a Gaussian per label, bias field, gamma, resolution, noise. Voxels see partial volumes:
/// each averages 2³ points of the deformed 1 mm map and takes the class most of them have.
/// </summary>
public sealed class HeadGenerator
{
    private readonly LabelAtlas _atlas;
    private readonly GeneratorSettings _settings;
    private readonly byte[] _classOf;
    private readonly bool[] _extraCerebral;
    private readonly bool[] _outerFluid;
    private readonly LesionPainter? _lesions;
    private readonly Acquisition _acquisition;
    private readonly IReadOnlyList<ChannelSettings> _channels;

    /// <param name="atlas">The label maps.</param>
    /// <param name="settings">Ranges.</param>
    /// <param name="classOf">Target class of a label value; every value not given is background (0).</param>
    /// <param name="lesions">Paints lesions into each map first; null leaves the maps as they are.</param>
    public HeadGenerator(
        LabelAtlas atlas,
        GeneratorSettings settings,
        IReadOnlyDictionary<int, byte> classOf,
        LesionPainter? lesions = null
    )
    {
        (_atlas, _settings, _lesions) = (atlas, settings, lesions);
        _acquisition = new(settings);
        _channels =
            settings.Channels.Count > 0
                ? settings.Channels
                :
                [
                    new()
                    {
                        Name = "T1",
                        Contrast = Contrast.T1,
                        Fraction = settings.T1Fraction,
                    },
                ];
        _classOf = [.. atlas.Values.Select(value => classOf.GetValueOrDefault(value))];
        _extraCerebral =
        [
            .. atlas.Values.Select(value =>
                value >= TissueTable.FirstExtraCerebral || !TissueTable.Knows(value)
            ),
        ];
        _outerFluid = [.. atlas.Values.Select(value => value == TissueTable.OuterFluid)];
    }

    /// <summary>Makes a sample; the same map and random stream give the same sample.</summary>
    /// <param name="map">One of the atlas's maps.</param>
    /// <param name="random">The sample's own stream.</param>
    public SyntheticHead Generate(LabelMap map, FastRandom random)
    {
        var shape = (
            I: _settings.Shape[0],
            J: _settings.Shape[1],
            K: _settings.Shape[2] - random.Next(_settings.CropBelow + 1)
        );
        map = _lesions?.Paint(map, random) ?? map;
        var tissues = _channels
            .Select(channel =>
                TissueTable.Draw(
                    _atlas.Values,
                    random.Chance(channel.Fraction) ? channel.Contrast : Other(random),
                    _settings.ContrastSeed is { } seed ? new FastRandom(seed, 0) : random
                )
            )
            .ToArray();
        var (images, labels) = Draw(map, shape, tissues, random);
        for (var channel = 0; channel < images.Length; channel++)
        {
            images[channel] = _acquisition.Apply(images[channel], shape, random);
        }
        return new(shape, images, labels);
    }

    /// <summary>The contrast of a sample that has not the usual one.</summary>
    private Contrast Other(FastRandom random)
    {
        var (flair, left) = (_settings.FlairFraction, 1 - _settings.T1Fraction);
        return flair > 0 && random.Chance(flair / left) ? Contrast.Flair : Contrast.Any;
    }

    private (float[][] Images, byte[] Labels) Draw(
        LabelMap map,
        (int I, int J, int K) shape,
        (float[] Mean, float[] Deviation, float[] Texture)[] tissues,
        FastRandom random
    )
    {
        var spacing = _settings.SpacingMm;
        var matrix = Affine(random);
        var nodes = _settings.ElasticNodeMm / spacing;
        var elastic = _settings.ElasticMm * random.Uniform();
        SmoothField[] warp =
        [
            new(shape, nodes, elastic, random),
            new(shape, nodes, elastic, random),
            new(shape, nodes, elastic, random),
        ];
        var texture = new SmoothField(shape, 6 / spacing, 1, random);
        var grain =
            _settings.GrainMm > 0
                ? new SmoothField(shape, _settings.GrainMm / spacing, 1, random)
                : null;
        var strip = Strip(shape, random);
        if (float.IsPositiveInfinity(strip.Threshold) && random.Chance(0.9))
        {
            // Skull stripping leaves exact zeros.
            foreach (var tissue in tissues)
            {
                (tissue.Mean[0], tissue.Deviation[0]) = (0, 0);
            }
        }
        // Heads differ in how much neck they show, so heights count from the top: of the box 12 mm above the head, of the brain's centre 80 mm below.
        double centreI = (map.Shape.I - 1) / 2.0 + random.Uniform(-1, 1) * _settings.ShiftMm,
            centreJ = (map.Shape.J - 1) / 2.0 + random.Uniform(-1, 1) * _settings.ShiftMm,
            middle = _settings.Shape[2] * spacing / 2,
            centreK =
                map.Shape.K
                + (_settings.BrainCentred ? -80 : 12 - middle)
                + random.Uniform(-1, 1) * _settings.ShiftMm;
        var points = Points(matrix, spacing);
        var labels = new byte[shape.I * shape.J * shape.K];
        var images = tissues.Select(_ => new float[labels.Length]).ToArray();
        var noises = tissues.Select(_ => new float[shape.I]).ToArray();
        var (rowX, rowY, rowZ, rowTexture, rowStrip) = (
            new float[shape.I],
            new float[shape.I],
            new float[shape.I],
            new float[shape.I],
            new float[shape.I]
        );
        Span<byte> votes = stackalloc byte[256];
        votes.Clear();
        Span<byte> seen = stackalloc byte[8];
        Span<double> places = stackalloc double[8];
        // What an index of the map is drawn as where everything is kept, and where the skull is stripped.
        byte[] whole = [.. Enumerable.Range(0, 256).Select(index => (byte)index)];
        byte[] stripped =
        [
            .. whole.Select(index =>
                index < _extraCerebral.Length
                && (_extraCerebral[index] || strip.Fluid && _outerFluid[index])
                    ? (byte)0
                    : index
            ),
        ];
        var (zero, one, middles, neck) = (
            Vector256<double>.Zero,
            Vector256<double>.One,
            Vector256.Create(0.5),
            Vector256.Create(-60.0)
        );
        var size = (
            I: Vector256.Create((double)map.Shape.I),
            J: Vector256.Create((double)map.Shape.J),
            K: Vector256.Create((double)map.Shape.K)
        );
        var indices = map.Indices;
        var lowest = _settings.Shape[2] - shape.K;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                warp[0].Row(j, k, rowX);
                warp[1].Row(j, k, rowY);
                warp[2].Row(j, k, rowZ);
                texture.Row(j, k, rowTexture);
                strip.Field?.Row(j, k, rowStrip);
                foreach (var noise in noises)
                {
                    if (grain is null)
                    {
                        random.FillGaussian(noise);
                    }
                    grain?.Row(j, k, noise);
                }
                var y = (j - (shape.J - 1) / 2.0) * spacing;
                var z = (k + lowest - (_settings.Shape[2] - 1) / 2.0) * spacing;
                var row = shape.I * (j + shape.J * k);
                for (var i = 0; i < shape.I; i++)
                {
                    var x = (i - (shape.I - 1) / 2.0) * spacing;
                    var u = matrix[0] * x + matrix[1] * y + matrix[2] * z + rowX[i] + centreI;
                    var v = matrix[3] * x + matrix[4] * y + matrix[5] * z + rowY[i] + centreJ;
                    var w = matrix[6] * x + matrix[7] * y + matrix[8] * z + rowZ[i] + centreK;
                    var shown = rowStrip[i] >= strip.Threshold ? whole : stripped;
                    for (var half = 0; half < 2; half++)
                    {
                        var (a, b, c) = (
                            Vector256.Floor(Vector256.Create(u) + points[half].X + middles),
                            Vector256.Floor(Vector256.Create(v) + points[half].Y + middles),
                            Vector256.Floor(Vector256.Create(w) + points[half].Z + middles)
                        );
                        // A head cut off below (the end of the scanned neck) goes on as it ended: real necks do not stop in air.
                        c = Vector256.ConditionalSelect(
                            Vector256.LessThan(c, zero) & Vector256.GreaterThan(c, neck),
                            zero,
                            c
                        );
                        var inside =
                            Vector256.GreaterThanOrEqual(a, zero)
                            & Vector256.GreaterThanOrEqual(b, zero)
                            & Vector256.GreaterThanOrEqual(c, zero)
                            & Vector256.LessThan(a, size.I)
                            & Vector256.LessThan(b, size.J)
                            & Vector256.LessThan(c, size.K);
                        // Whole numbers, exact as doubles; −1 is outside.
                        Vector256
                            .ConditionalSelect(inside, a + size.I * (b + size.J * c), -one)
                            .CopyTo(places[(4 * half)..]);
                    }
                    var same = true;
                    for (var n = 0; n < seen.Length; n++)
                    {
                        var place = (int)places[n];
                        seen[n] = place < 0 ? (byte)0 : shown[indices[place]];
                        same &= seen[n] == seen[0];
                    }
                    for (var channel = 0; channel < images.Length; channel++)
                    {
                        var tissue = tissues[channel];
                        float mean = 0,
                            deviation = 0;
                        foreach (var index in seen)
                        {
                            mean +=
                                tissue.Mean[index] * (1 + tissue.Texture[index] * rowTexture[i]);
                            deviation += tissue.Deviation[index];
                        }
                        images[channel][row + i] = Math.Max(
                            0,
                            (mean + deviation * noises[channel][i]) / seen.Length
                        );
                    }
                    labels[row + i] = same ? _classOf[seen[0]] : Winner(seen, votes);
                }
            }
        }
        return (images, labels);
    }

    /// <summary>The class most points have; of several the one that was first to have so many.</summary>
    /// <param name="seen">Atlas index of each point.</param>
    /// <param name="votes">Room for a count of every class, zero before and after.</param>
    private byte Winner(ReadOnlySpan<byte> seen, Span<byte> votes)
    {
        var winner = _classOf[seen[0]];
        foreach (var index in seen)
        {
            var label = _classOf[index];
            votes[label]++;
            winner = votes[label] > votes[winner] ? label : winner;
        }
        foreach (var index in seen)
        {
            votes[_classOf[index]] = 0;
        }
        return winner;
    }

    private (SmoothField? Field, float Threshold, bool Fluid) Strip(
        (int I, int J, int K) shape,
        FastRandom random
    )
    {
        var kind = random.Uniform();
        var fluid = random.Chance(0.5);
        if (kind < _settings.StrippedFraction)
        {
            return (null, float.PositiveInfinity, fluid);
        }
        return kind < _settings.StrippedFraction + _settings.PartlyStrippedFraction
            ? (
                new(shape, 25 / _settings.SpacingMm, 1, random),
                (float)random.Uniform(0, 1.2),
                fluid
            )
            : (null, float.NegativeInfinity, false);
    }

    /// <summary>Output millimetres → map millimetres, row-major 3×3.</summary>
    private double[] Affine(FastRandom random)
    {
        double[] matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1];
        for (var axis = 0; axis < 3; axis++)
        {
            var angle = random.Uniform(-1, 1) * _settings.RotationDegrees * Math.PI / 180;
            var (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
            double[] turn = [1, 0, 0, 0, 1, 0, 0, 0, 1];
            turn[4 * a] = turn[4 * b] = Math.Cos(angle);
            turn[3 * a + b] = -(turn[3 * b + a] = Math.Sin(angle));
            matrix = Multiply(matrix, turn);
        }
        double[] stretch = new double[9];
        // One size for the head, and a little for each axis.
        var size = random.Uniform(-1, 1) * _settings.Scale * 0.7;
        for (var n = 0; n < 9; n++)
        {
            stretch[n] =
                n % 4 == 0
                    ? 1 / (1 + size + random.Uniform(-1, 1) * _settings.Scale * 0.3)
                    : random.Uniform(-1, 1) * _settings.Shear;
        }
        matrix = Multiply(matrix, stretch);
        if (_settings.Mirror && random.Chance(0.5))
        {
            (matrix[0], matrix[1], matrix[2]) = (-matrix[0], -matrix[1], -matrix[2]);
        }
        return matrix;

        static double[] Multiply(double[] a, double[] b)
        {
            var product = new double[9];
            for (var row = 0; row < 3; row++)
            {
                for (var column = 0; column < 3; column++)
                {
                    for (var n = 0; n < 3; n++)
                    {
                        product[3 * row + column] += a[3 * row + n] * b[3 * n + column];
                    }
                }
            }
            return product;
        }
    }

    /// <summary>Where a voxel looks the map up, relative to its centre, in map millimetres: four points in each half.</summary>
    private static (Vector256<double> X, Vector256<double> Y, Vector256<double> Z)[] Points(
        double[] matrix,
        double spacing
    )
    {
        var points = new double[3][];
        for (var row = 0; row < 3; row++)
        {
            points[row] = new double[8];
            for (var n = 0; n < 8; n++)
            {
                var (x, y, z) = (
                    ((n & 1) - 0.5) * spacing / 2,
                    ((n >> 1 & 1) - 0.5) * spacing / 2,
                    ((n >> 2) - 0.5) * spacing / 2
                );
                points[row][n] =
                    matrix[3 * row] * x + matrix[3 * row + 1] * y + matrix[3 * row + 2] * z;
            }
        }
        return [Half(0), Half(4)];

        (Vector256<double>, Vector256<double>, Vector256<double>) Half(int start) =>
            (
                Vector256.Create(points[0], start),
                Vector256.Create(points[1], start),
                Vector256.Create(points[2], start)
            );
    }
}
