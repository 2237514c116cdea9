namespace Platform.Training.Synthesis;

/// <summary>What a point of the phantom consists of.</summary>
internal enum HeartTissue : byte
{
    Air,
    Lung,
    Fat,
    Muscle,
    Liver,
    Bowel,
    Bone,

    /// <summary>Blood of atria, aorta and vessels.</summary>
    Vessel,
    LeftBlood,

    /// <summary>Papillary muscles and trabeculae: seen as muscle, counted as cavity, as contours are drawn.</summary>
    Papillary,
    Myocardium,
    RightBlood,

    /// <summary>Trabeculae of the right ventricle: seen as muscle, counted as cavity.</summary>
    RightTrabecula,
    RightWall,
}

/// <summary>
/// A beating heart as a function of space and phase, with what surrounds it. Millimetres; z runs along the left ventricle's axis from the base at
/// end diastole (0) to the apex, x and y lie in the short axis, x towards the septum. Drawn anew for every heart: at end diastole the cavity's
/// radius is 18–36 mm, its length 70–110 mm, its wall 5.5–14 mm; fractional shortening is 5–48 %, shortening of the axis 3–18 %. These span normal hearts
/// (Kawel-Boehm et al., Journal of Cardiovascular Magnetic Resonance 2020: end-diastolic diameter 37–61 mm, wall 5–12 mm) and dilated, hypertrophic and failing ones.
/// The wall thickens so that the area of a slice's muscle times the ventricle's length stays.
/// </summary>
internal sealed class HeartPhantom
{
    private readonly double _radius,
        _length,
        _wall,
        _fractional,
        _axial,
        _oval,
        _ovalAt,
        _thicker,
        _thickerAt,
        _septum,
        _opening,
        _rightWidth,
        _rightEnd,
        _rightBulge,
        _rightWall,
        _rightShortening,
        _atrium,
        _tiltX,
        _tiltY,
        _fat,
        _aortaX,
        _aortaY,
        _aorta;
    private readonly double[] _profile;
    private readonly Waves _outline,
        _rightOutline,
        _trabeculae,
        _fatWaves;
    private readonly (double Angle, double Size, double From, double To)[] _papillary;

    public HeartPhantom(FastRandom random)
    {
        _radius = Math.Clamp(25.5 + 4.5 * random.Gaussian(), 18, 36);
        _length = Math.Clamp(88 + 1.2 * (_radius - 25) + 7 * random.Gaussian(), 70, 110);
        _wall = Math.Clamp(8.5 + 2.2 * random.Gaussian(), 5.5, 14);
        _fractional = random.Uniform(0.05, 0.48);
        _axial = random.Uniform(0.03, 0.18);
        var (power, root) = (random.Uniform(1.9, 3.2), random.Uniform(1.5, 2.3));
        _profile =
        [
            .. Enumerable
                .Range(0, 1025)
                .Select(n => Math.Pow(1 - Math.Pow(n / 1024.0, power), 1 / root)),
        ];
        _oval = random.Uniform(0, 0.09);
        _ovalAt = random.Uniform(0, Math.PI);
        _thicker = random.Uniform(0, 0.22);
        _thickerAt = random.Uniform(-Math.PI, Math.PI);
        _septum = random.Uniform(-0.35, 0.35);
        _opening = random.Uniform(58, 88) * Math.PI / 180;
        _rightWidth = random.Uniform(16, 44);
        _rightEnd = random.Uniform(0.7, 0.97);
        _rightBulge = random.Uniform(0.35, 0.8);
        _rightWall = random.Uniform(1.5, 4);
        _rightShortening = random.Uniform(0.1, 0.45);
        _atrium = random.Uniform(0.75, 1.1);
        (_tiltX, _tiltY) = (0.16 * random.Gaussian(), 0.16 * random.Gaussian());
        _fat = random.Uniform(0, 9);
        var way = random.Uniform(-0.6, 0.6);
        _aorta = random.Uniform(11, 17);
        (_aortaX, _aortaY) = (
            (_radius + _wall) * 0.9 * Math.Cos(way),
            (_radius + _wall) * 0.9 * Math.Sin(way)
        );
        _outline = new(random, random.Uniform(0.2, 1.2), 25, 80);
        _rightOutline = new(random, random.Uniform(0.5, 2.5), 12, 50);
        _trabeculae = new(random, 1, 5, 16);
        _fatWaves = new(random, 0.5, 25, 90);
        var first = random.Uniform(0.7, 1.5);
        _papillary =
        [
            .. Enumerable
                .Range(0, 2)
                .SelectMany(side =>
                {
                    // Anterolateral and posteromedial, of one or two heads, away from the septum.
                    var angle = Math.PI + (side == 0 ? first : -first);
                    var heads = 1 + random.Next(2);
                    return Enumerable
                        .Range(0, heads)
                        .Select(_ =>
                            (
                                angle + 0.25 * random.Gaussian(),
                                random.Uniform(2.5, 6.5),
                                random.Uniform(0.15, 0.4),
                                random.Uniform(0.6, 0.9)
                            )
                        );
                }),
        ];
    }

    /// <summary>Length of the cavity at end diastole, mm.</summary>
    public double Length => _length;

    /// <summary>Farthest the heart reaches from its axis in the short axis, mm.</summary>
    public double Reach => 1.15 * (_radius + _wall) + _rightWidth + _rightWall + 2 * _fat + 8;

    /// <summary>Outer radius of the left ventricle at its base at end diastole, mm.</summary>
    public double OuterRadius => _radius + _wall;

    /// <summary>The tissue at a point; null outside the heart and its fat.</summary>
    /// <param name="x">Towards the septum, mm.</param>
    /// <param name="y">Across, mm.</param>
    /// <param name="z">Towards the apex from the base at end diastole, mm.</param>
    /// <param name="contraction">0 at end diastole, 1 at end systole.</param>
    public HeartTissue? At(double x, double y, double z, double contraction)
    {
        var radius = _radius * (1 - _fractional * contraction);
        var length = _length * (1 - _axial * contraction);
        var area = ((_radius + _wall) * (_radius + _wall) - _radius * _radius) * _length / length;
        var wall = Math.Sqrt(radius * radius + area) - radius;
        // The apex stays, the base comes down.
        var depth = z - (_length - length) - _tiltX * x - _tiltY * y;
        var r = Math.Sqrt(x * x + y * y);
        var angle = Math.Atan2(y, x);
        if (depth < 0)
        {
            return Above(x, y, r, angle, depth, radius, wall);
        }
        var shape = 1 + _oval * Math.Cos(2 * (angle - _ovalAt));
        var outline = _outline.At(x, y, z);
        var inner = radius * Profile(depth / length) * shape + outline;
        var tip = 0.7 * wall;
        var outer =
            (radius + wall * (1 + _thicker * Math.Cos(angle - _thickerAt)))
                * Profile(depth / (length + tip))
                * shape
            + outline;
        outer = depth > length + tip ? 0 : outer;
        inner = depth > length ? 0 : inner;
        if (r < inner)
        {
            return
                InPapillary(x, y, depth / length, inner, contraction)
                || r > inner - 2.5
                    && _trabeculae.At(x, y, z) > 2.6 - 1.6 * depth / length + (inner - r) * 0.5
                ? HeartTissue.Papillary
                : HeartTissue.LeftBlood;
        }
        if (r < outer)
        {
            return HeartTissue.Myocardium;
        }
        return Right(x, y, z, r, angle, depth / length, outer, contraction)
            ?? (r < outer + Fat(x, y, z) && depth < length + tip + 4 ? HeartTissue.Fat : null);
    }

    /// <summary>How wide the ventricle is at a depth, over its base: 1 at 0, 0 from 1 on.</summary>
    private double Profile(double depth)
    {
        if (depth >= 1)
        {
            return 0;
        }
        var at = depth * (_profile.Length - 1);
        var n = (int)at;
        return _profile[n] + (_profile[n + 1] - _profile[n]) * (at - n);
    }

    private double Fat(double x, double y, double z) =>
        Math.Max(0, _fat * (0.6 + _fatWaves.At(x, y, z)));

    private bool InPapillary(double x, double y, double depth, double inner, double contraction)
    {
        foreach (var (angle, size, from, to) in _papillary)
        {
            if (depth < from || depth > to)
            {
                continue;
            }
            // They touch the wall and come together as the heart contracts.
            var place = Math.Max(0, inner - 0.8 * size - 2 * contraction);
            var (dx, dy) = (x - place * Math.Cos(angle), y - place * Math.Sin(angle));
            var along = (depth - (from + to) / 2) / ((to - from) / 2);
            if (dx * dx + dy * dy < size * size * (1 - along * along))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The right ventricle: a crescent outside of the septum, thinner towards the apex.</summary>
    private HeartTissue? Right(
        double x,
        double y,
        double z,
        double r,
        double angle,
        double depth,
        double outer,
        double contraction
    )
    {
        var end = depth / _rightEnd;
        if (end >= 1.05)
        {
            return null;
        }
        var taper = Math.Sqrt(Math.Max(0, 1 - end * end));
        var opening = _opening * (0.45 + 0.55 * taper);
        var off = Math.Abs(Math.IEEERemainder(angle - _septum, 2 * Math.PI));
        if (off > opening + 0.12)
        {
            return null;
        }
        var bulge = Math.Pow(
            Math.Max(0, Math.Cos(Math.Min(1, off / opening) * Math.PI / 2)),
            _rightBulge
        );
        var width =
            _rightWidth * taper * (1 - _rightShortening * contraction) * bulge
            + (bulge > 0.2 ? _rightOutline.At(x, y, z) : 0);
        if (r < outer + width)
        {
            return _trabeculae.At(y, x, z) > 1.9 - depth
                ? HeartTissue.RightTrabecula
                : HeartTissue.RightBlood;
        }
        return r < outer + Math.Max(0, width) + _rightWall ? HeartTissue.RightWall
            : r < outer + Math.Max(0, width) + _rightWall + Fat(x, y, z) ? HeartTissue.Fat
            : null;
    }

    /// <summary>Above the valves: left atrium, aortic root, right atrium and outflow tract.</summary>
    private HeartTissue? Above(
        double x,
        double y,
        double r,
        double angle,
        double depth,
        double radius,
        double wall
    )
    {
        var (ax, ay) = (x - _aortaX, y - _aortaY);
        var aorta = Math.Sqrt(ax * ax + ay * ay);
        if (aorta < _aorta)
        {
            return HeartTissue.Vessel;
        }
        if (aorta < _aorta + 2)
        {
            return HeartTissue.RightWall;
        }
        var atrium = radius * _atrium;
        if (r < atrium)
        {
            return HeartTissue.Vessel;
        }
        if (r < atrium + 2.5 - 0.05 * depth)
        {
            return HeartTissue.RightWall;
        }
        // The ring of the valve: what fills the wall's place fades to fat.
        if (r < radius + wall)
        {
            return depth > -6 ? HeartTissue.RightWall : HeartTissue.Fat;
        }
        return Right(x, y, depth, r, angle, 0, radius + wall, 0) switch
        {
            HeartTissue.RightBlood or HeartTissue.RightTrabecula => HeartTissue.Vessel,
            { } other => other,
            null => r < radius + wall + Fat(x, y, depth) ? HeartTissue.Fat : null,
        };
    }
}
