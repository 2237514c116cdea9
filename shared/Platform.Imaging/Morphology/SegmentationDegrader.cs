namespace Platform.Imaging;

/// <summary>
/// Makes known labels worse by a known amount: the whole map is shifted and bent, some structures are eaten away, bloated, swapped or lost.
/// The same seed gives the same map.
/// </summary>
public static class SegmentationDegrader
{
    /// <summary>Largest shift and largest bend at severity 1, mm.</summary>
    private const double LargestShiftMm = 16;

    /// <summary>Degrades a label map.</summary>
    /// <param name="labels">The truth; untouched.</param>
    /// <param name="severity">0 leaves the map as it is; 1 leaves little of it right.</param>
    /// <param name="seed">Draws the errors.</param>
    public static Volume<byte> Degrade(Volume<byte> labels, double severity, int seed)
    {
        if (severity <= 0)
        {
            return new Volume<byte>(labels.Geometry, [.. labels.Voxels]);
        }
        var random = new Random(seed);
        var bent = Bend(labels, severity * severity * LargestShiftMm, random);
        var present = LabelMeasures.Millilitres(labels).Keys.ToArray();
        var replaced = new byte[256];
        var growth = new int[256];
        for (var label = 0; label < 256; label++)
        {
            replaced[label] = (byte)label;
        }
        foreach (var label in present)
        {
            var fate = random.NextDouble();
            if (fate < 0.08 * severity)
            {
                replaced[label] = 0;
            }
            else if (fate < 0.14 * severity)
            {
                replaced[label] = present[random.Next(present.Length)];
            }
            else if (fate < 0.7)
            {
                growth[label] = random.Next(-1, 2) * random.Next(0, 1 + (int)(2.99 * severity));
            }
        }
        for (var n = 0; n < bent.Voxels.Length; n++)
        {
            bent.Voxels[n] = replaced[bent.Voxels[n]];
        }
        for (var round = 1; round <= 2; round++)
        {
            bent = Grow(bent, growth, round);
        }
        return bent;
    }

    private static Volume<byte> Bend(Volume<byte> labels, double sizeMm, Random random)
    {
        double Draw() => 2 * random.NextDouble() - 1;
        double[] shift = [sizeMm * Draw(), sizeMm * Draw(), sizeMm * Draw()];
        var waves = Enumerable
            .Range(0, 4)
            .Select(_ =>
            {
                var length = 25 + 60 * random.NextDouble();
                return (
                    Wave: new[]
                    {
                        2 * Math.PI / length * Draw(),
                        2 * Math.PI / length * Draw(),
                        2 * Math.PI / length * Draw(),
                    },
                    Phase: Math.PI * Draw(),
                    Shift: new[]
                    {
                        0.4 * sizeMm * Draw(),
                        0.4 * sizeMm * Draw(),
                        0.4 * sizeMm * Draw(),
                    }
                );
            })
            .ToArray();
        var bent = new Volume<byte>(labels.Geometry);
        var (shape, spacing) = (labels.Geometry.Shape, labels.Geometry.Spacing);
        // Along a row the angles rise evenly: sine and cosine are turned from voxel to voxel, which takes a tenth of the time of computing them.
        var turns = waves.Select(wave => Math.SinCos(wave.Wave[0] * spacing.I)).ToArray();
        var angles = new (double Sin, double Cos)[waves.Length];
        var n = 0;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                double y = j * spacing.J,
                    z = k * spacing.K;
                for (var w = 0; w < waves.Length; w++)
                {
                    var (wave, phase, _) = waves[w];
                    angles[w] = Math.SinCos(wave[1] * y + wave[2] * z + phase);
                }
                for (var i = 0; i < shape.I; i++, n++)
                {
                    var x = i * spacing.I;
                    double dx = shift[0],
                        dy = shift[1],
                        dz = shift[2];
                    for (var w = 0; w < waves.Length; w++)
                    {
                        var (by, (sin, cos), turn) = (waves[w].Shift, angles[w], turns[w]);
                        (dx, dy, dz) = (dx + sin * by[0], dy + sin * by[1], dz + sin * by[2]);
                        angles[w] = (
                            sin * turn.Cos + cos * turn.Sin,
                            cos * turn.Cos - sin * turn.Sin
                        );
                    }
                    // Rounded up as often as the position is past the lower voxel: less than half a voxel of shift would change nothing otherwise.
                    var (a, b, c) = (
                        (int)Math.Floor((x + dx) / spacing.I + random.NextDouble()),
                        (int)Math.Floor((y + dy) / spacing.J + random.NextDouble()),
                        (int)Math.Floor((z + dz) / spacing.K + random.NextDouble())
                    );
                    if (a >= 0 && b >= 0 && c >= 0 && a < shape.I && b < shape.J && c < shape.K)
                    {
                        bent.Voxels[n] = labels[a, b, c];
                    }
                }
            }
        }
        return bent;
    }

    /// <summary>Structures whose growth is at least the round take over their neighbours' voxels; those at most minus the round lose their border.</summary>
    private static Volume<byte> Grow(Volume<byte> labels, int[] growth, int round)
    {
        if (!growth.Any(g => Math.Abs(g) >= round))
        {
            return labels;
        }
        var (shape, voxels) = (labels.Geometry.Shape, labels.Voxels);
        var grown = new Volume<byte>(labels.Geometry, [.. voxels]);
        int[] steps = [1, -1, shape.I, -shape.I, shape.I * shape.J, -shape.I * shape.J];
        for (var k = 1; k < shape.K - 1; k++)
        {
            for (var j = 1; j < shape.J - 1; j++)
            {
                for (var i = 1; i < shape.I - 1; i++)
                {
                    var n = i + shape.I * (j + shape.J * k);
                    foreach (var step in steps)
                    {
                        var (own, other) = (voxels[n], voxels[n + step]);
                        if (own != other && growth[other] >= round)
                        {
                            grown.Voxels[n] = other;
                            break;
                        }
                        if (own != other && growth[own] <= -round)
                        {
                            grown.Voxels[n] = 0;
                        }
                    }
                }
            }
        }
        return grown;
    }
}
