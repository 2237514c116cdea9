namespace Platform.Training.Synthesis;

/// <summary>
/// What surrounds the heart in a short-axis slice: lung, chest wall, diaphragm with liver and bowel below it, spine, aorta; in some samples any
/// mixture of tissues at all, so that a network does not learn where the liver is. The frame is <see cref="HeartPhantom"/>'s.
/// </summary>
internal sealed class ChestPhantom
{
    private static readonly HeartTissue[] Belly =
    [
        HeartTissue.Liver,
        HeartTissue.Bowel,
        HeartTissue.Fat,
        HeartTissue.Muscle,
        HeartTissue.Vessel,
    ];

    private static readonly HeartTissue[] Anything =
    [
        HeartTissue.Lung,
        HeartTissue.Fat,
        HeartTissue.Muscle,
        HeartTissue.Liver,
        HeartTissue.Bowel,
        HeartTissue.Vessel,
    ];

    private readonly bool _random;
    private readonly double _diaphragm,
        _inferior,
        _bodyX,
        _bodyY,
        _bodyA,
        _bodyB,
        _bodyTurn,
        _skin,
        _ribs,
        _liver;
    private readonly Waves _dome,
        _surface,
        _bronchi;
    private readonly Waves[] _mixture;
    private readonly (double X, double Y, double Radius, HeartTissue Tissue)[] _pipes;

    /// <param name="heart">What lies in the middle.</param>
    /// <param name="random">The sample's stream.</param>
    public ChestPhantom(HeartPhantom heart, FastRandom random)
    {
        _random = random.Chance(0.2);
        // The inferior wall is a quarter turn from the septum, to either side.
        _inferior = (random.Chance(0.5) ? 1 : -1) * (Math.PI / 2 + 0.3 * random.Gaussian());
        _diaphragm = heart.OuterRadius + random.Uniform(0, 14);
        _dome = new(random, 6, 60, 160);
        _surface = new(random, 5, 50, 200);
        _bronchi = new(random, 1, 9, 25);
        _mixture = [.. Anything.Select(_ => new Waves(random, 1, 25, 110))];
        var (away, shift) = (random.Uniform(-0.6, 0.6), random.Uniform(15, 60));
        (_bodyX, _bodyY) = (-shift * Math.Cos(away), -shift * Math.Sin(away));
        (_bodyA, _bodyB) = (random.Uniform(120, 180), random.Uniform(95, 150));
        _bodyTurn = random.Uniform(0, Math.PI);
        (_skin, _ribs) = (random.Uniform(6, 38), random.Uniform(8, 22));
        _liver = random.Uniform(-20, 40);
        _pipes =
        [
            Pipe(HeartTissue.Vessel, random.Uniform(9, 14), 12, 35),
            Pipe(HeartTissue.Bone, random.Uniform(14, 22), 35, 60),
            .. Enumerable
                .Range(0, random.Next(4))
                .Select(_ => Pipe(HeartTissue.Vessel, random.Uniform(4, 16), 12, 70)),
            .. Enumerable
                .Range(0, random.Next(3))
                .Select(_ => Pipe(HeartTissue.Bowel, random.Uniform(8, 22), 25, 80)),
        ];

        (double, double, double, HeartTissue) Pipe(
            HeartTissue tissue,
            double radius,
            double nearest,
            double farthest
        )
        {
            var (angle, distance) = (
                random.Uniform(0, 2 * Math.PI),
                heart.OuterRadius + radius + random.Uniform(nearest, farthest)
            );
            return (distance * Math.Cos(angle), distance * Math.Sin(angle), radius, tissue);
        }
    }

    /// <summary>The tissue at a point, mm.</summary>
    public HeartTissue At(double x, double y, double z)
    {
        var (u, v) = (x - _bodyX, y - _bodyY);
        var (cos, sin) = (Math.Cos(_bodyTurn), Math.Sin(_bodyTurn));
        var (a, b) = ((u * cos + v * sin) / _bodyA, (v * cos - u * sin) / _bodyB);
        // Millimetres below the skin, nearly.
        var below =
            (1 - Math.Sqrt(a * a + b * b)) * Math.Min(_bodyA, _bodyB) + _surface.At(x, y, z);
        if (below < 0)
        {
            return HeartTissue.Air;
        }
        if (below < _skin)
        {
            return HeartTissue.Fat;
        }
        if (_random)
        {
            return Mixture(Anything, x, y, z);
        }
        if (below < _skin + _ribs)
        {
            return _bronchi.At(x, y, z) > 1 ? HeartTissue.Fat : HeartTissue.Muscle;
        }
        foreach (var (pipeX, pipeY, radius, tissue) in _pipes)
        {
            var (dx, dy) = (x - pipeX, y - pipeY);
            var distance = dx * dx + dy * dy;
            if (distance < radius * radius)
            {
                return tissue;
            }
            if (distance < (radius + 2) * (radius + 2))
            {
                return HeartTissue.Muscle;
            }
        }
        var down = x * Math.Cos(_inferior) + y * Math.Sin(_inferior);
        // The apex lies nearer to the front: there is more below it.
        if (down > _diaphragm + _dome.At(x, y, z) - 0.15 * z)
        {
            return x > _liver ? HeartTissue.Liver : Mixture(Belly, x, y, z);
        }
        return _bronchi.At(x, y, z) > 2.1 ? HeartTissue.Vessel : HeartTissue.Lung;
    }

    private HeartTissue Mixture(HeartTissue[] tissues, double x, double y, double z)
    {
        var (best, most) = (tissues[0], double.NegativeInfinity);
        for (var n = 0; n < tissues.Length; n++)
        {
            var value = _mixture[n].At(x, y, z);
            (best, most) = value > most ? (tissues[n], value) : (best, most);
        }
        return best;
    }
}
