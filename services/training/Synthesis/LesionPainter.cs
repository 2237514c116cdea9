using System.Collections.Concurrent;

namespace Platform.Training.Synthesis;

/// <summary>
/// Paints lesions into label maps: focal ones of the white matter, bands along the lateral ventricles, infarcts of real shape, tumours in
/// their oedema. They are drawn before the head is deformed and imaged, so that every channel shows the same lesions.
/// What it paints depends on the map and the random stream only.
/// </summary>
public sealed class LesionPainter
{
    /// <summary>Least and largest MNI coordinates of the cerebrum, mm: infarcts are placed by its box.</summary>
    private static readonly (double X, double Y, double Z) MniLow = (-70, -105, -45),
        MniHigh = (70, 70, 79);

    private readonly LabelAtlas _atlas;
    private readonly LesionSettings _settings;
    private readonly IReadOnlyList<LesionMask> _infarcts;
    private readonly byte _lesion,
        _diffuse,
        _infarct,
        _core,
        _oedema;

    private readonly ConcurrentDictionary<LabelMap, Lazy<LesionAnatomy>> _anatomies = new();

    /// <param name="atlas">The maps, with <see cref="TissueTable.LesionValues"/>.</param>
    /// <param name="settings">What is painted.</param>
    /// <param name="infarcts">Shapes; at least one where the settings ask for infarcts.</param>
    /// <exception cref="InvalidDataException">Settings that cannot be, or infarcts without shapes.</exception>
    public LesionPainter(
        LabelAtlas atlas,
        LesionSettings settings,
        IReadOnlyList<LesionMask> infarcts
    )
    {
        settings.Validate();
        if (settings.InfarctFraction > 0 && infarcts.Count == 0)
        {
            throw new InvalidDataException(
                $"lesions.infarctFraction {settings.InfarctFraction} needs lesion masks"
            );
        }
        (_atlas, _settings, _infarcts) = (atlas, settings, infarcts);
        (_lesion, _diffuse) = (
            Index(TissueTable.WhiteMatterLesion),
            Index(TissueTable.DiffuseChange)
        );
        (_infarct, _core, _oedema) = (
            Index(TissueTable.Infarct),
            Index(TissueTable.TumourCore),
            Index(TissueTable.Oedema)
        );

        byte Index(int value) => (byte)atlas.Values.ToList().IndexOf(value);
    }

    /// <summary>The map with lesions.</summary>
    /// <exception cref="InvalidDataException">The map has no white matter or no lateral ventricle.</exception>
    public LabelMap Paint(LabelMap map, FastRandom random)
    {
        var anatomy = _anatomies
            .GetOrAdd(map, _ => new(() => new LesionAnatomy(map, _atlas.Values)))
            .Value;
        var painted = map with { Indices = [.. map.Indices] };
        if (random.Chance(_settings.BandFraction))
        {
            PaintBand(painted, anatomy, random);
        }
        if (random.Chance(_settings.FocalFraction))
        {
            PaintFocal(painted, anatomy, random);
        }
        if (random.Chance(_settings.InfarctFraction))
        {
            PaintInfarct(painted, anatomy, random);
        }
        if (random.Chance(_settings.TumourFraction))
        {
            PaintTumour(painted, anatomy, random);
        }
        return painted;
    }

    private void PaintBand(LabelMap map, LesionAnatomy anatomy, FastRandom random)
    {
        var thickness = Within(_settings.BandMm, random);
        var rim = random.Uniform(0, 2);
        var variation = new Waves(random, thickness / 2, 15, 60);
        foreach (var (voxel, distance) in anatomy.Periventricular)
        {
            var (i, j, k) = Place(map, voxel);
            var beyond = distance - thickness - variation.At(i, j, k);
            if (beyond < rim)
            {
                map.Indices[voxel] = beyond < 0 ? _lesion : _diffuse;
            }
        }
    }

    private void PaintFocal(LabelMap map, LesionAnatomy anatomy, FastRandom random)
    {
        var (fewest, most) = (_settings.FocalCount[0], _settings.FocalCount[1]);
        var count = (int)Math.Round(fewest * Math.Pow((double)most / fewest, random.Uniform()));
        var (least, largest) = (_settings.FocalVolumeMm3[0], _settings.FocalVolumeMm3[1]);
        for (var n = 0; n < count; n++)
        {
            var volume = least * Math.Pow(largest / least, Math.Pow(random.Uniform(), 2));
            var radius = Math.Cbrt(volume * 3 / (4 * Math.PI));
            var blob = new Blob(map, Centre(anatomy, random), radius, random);
            var rim = random.Chance(0.5) ? random.Uniform(0, 1.5) : 0;
            blob.Paint(radius + rim, _diffuse, index => anatomy.WhiteMatter[index]);
            blob.Paint(radius, _lesion, index => anatomy.WhiteMatter[index] || index == _diffuse);
        }
    }

    private int Centre(LesionAnatomy anatomy, FastRandom random)
    {
        var kind = random.Uniform();
        var (near, outer) = (
            _settings.PeriventricularAndSubcortical[0],
            _settings.PeriventricularAndSubcortical[1]
        );
        var where =
            kind < near + outer && kind >= near ? anatomy.Subcortical
            : kind >= near ? anatomy.Deep
            : [];
        return where.Count > 0
            ? where[random.Next(where.Count)]
            : anatomy.Periventricular[random.Next(anatomy.Periventricular.Count)].Voxel;
    }

    private void PaintInfarct(LabelMap map, LesionAnatomy anatomy, FastRandom random)
    {
        var mask = _infarcts[random.Next(_infarcts.Count)];
        var side = random.Chance(0.5) ? 1 : -1;
        var (shiftX, shiftY, shiftZ) = (
            4 * random.Gaussian(),
            4 * random.Gaussian(),
            4 * random.Gaussian()
        );
        var (low, size) = (anatomy.Low, anatomy.Size);
        for (var k = 0; k < size.K; k++)
        {
            var z = Mni(k, size.K, MniLow.Z, MniHigh.Z) + shiftZ;
            for (var j = 0; j < size.J; j++)
            {
                var y = Mni(j, size.J, MniLow.Y, MniHigh.Y) + shiftY;
                var row = low.I + map.Shape.I * (low.J + j + map.Shape.J * (low.K + k));
                for (var i = 0; i < size.I; i++)
                {
                    var x = side * (Mni(i, size.I, MniLow.X, MniHigh.X) + shiftX);
                    ref var index = ref map.Indices[row + i];
                    if (mask.Contains(x, y, z) && anatomy.Cerebrum[index])
                    {
                        index = _infarct;
                    }
                }
            }
        }

        static double Mni(int n, int size, double low, double high) =>
            low + (high - low) * n / Math.Max(1, size - 1);
    }

    private void PaintTumour(LabelMap map, LesionAnatomy anatomy, FastRandom random)
    {
        var radius = Within(_settings.TumourRadiusMm, random);
        var blob = new Blob(map, Centre(anatomy, random), radius, random);
        blob.Paint(
            radius * random.Uniform(1, 2),
            _oedema,
            index => anatomy.WhiteMatter[index] || index == _diffuse
        );
        blob.Paint(radius, _core, index => anatomy.Cerebrum[index] || index == _oedema);
    }

    private static double Within(IReadOnlyList<double> range, FastRandom random) =>
        random.Uniform(range[0], range[1]);

    private static (int I, int J, int K) Place(LabelMap map, int voxel) =>
        (
            voxel % map.Shape.I,
            voxel / map.Shape.I % map.Shape.J,
            voxel / (map.Shape.I * map.Shape.J)
        );

    /// <summary>An ellipsoid longer along one random direction, with an uneven surface.</summary>
    private sealed class Blob(LabelMap map, int centre, double radius, FastRandom random)
    {
        private readonly (int I, int J, int K) _centre = Place(map, centre);
        private readonly (double X, double Y, double Z) _along = Waves.Direction(random);
        private readonly double _elongation = random.Uniform(1, 2);
        private readonly Waves _surface = new(random, 0.2 * radius, 0.8 * radius, 4 * radius);

        /// <summary>Gives a value to the voxels within a radius that are allowed.</summary>
        /// <param name="within">Radius of the ellipsoid's mean shape, mm.</param>
        /// <param name="value">The index to write.</param>
        /// <param name="allowed">By the index there is.</param>
        public void Paint(double within, byte value, Func<byte, bool> allowed)
        {
            // Its volume is that of a sphere: as much shorter across as it is longer along.
            var (long1, across) = (Math.Pow(_elongation, 2.0 / 3), Math.Pow(_elongation, -1.0 / 3));
            var reach = (int)Math.Ceiling(long1 * within + 0.8 * radius);
            for (var k = Math.Max(0, _centre.K - reach); k <= Last(_centre.K, map.Shape.K); k++)
            {
                for (var j = Math.Max(0, _centre.J - reach); j <= Last(_centre.J, map.Shape.J); j++)
                {
                    var row = map.Shape.I * (j + map.Shape.J * k);
                    for (
                        var i = Math.Max(0, _centre.I - reach);
                        i <= Last(_centre.I, map.Shape.I);
                        i++
                    )
                    {
                        ref var index = ref map.Indices[row + i];
                        if (!allowed(index))
                        {
                            continue;
                        }
                        var (x, y, z) = (i - _centre.I, j - _centre.J, k - _centre.K);
                        var along = x * _along.X + y * _along.Y + z * _along.Z;
                        var aside = x * x + y * y + z * z - along * along;
                        var distance = Math.Sqrt(
                            along * along / (long1 * long1) + aside / (across * across)
                        );
                        if (
                            distance < within + 0.8 * radius
                            && distance < within + _surface.At(x, y, z)
                        )
                        {
                            index = value;
                        }
                    }
                }
            }

            int Last(int middle, int size) => Math.Min(size - 1, middle + reach);
        }
    }
}
