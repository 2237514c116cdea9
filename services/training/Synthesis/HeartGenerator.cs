namespace Platform.Training.Synthesis;

/// <summary>
/// Short-axis stacks of <see cref="HeartPhantom"/> as a balanced steady-state free precession sequence images them: blood bright, muscle dark, a surface
/// coil's bias, thick slices with gaps that shifted against each other from breath hold to breath hold, noise. Axes: i and j in the slice, k the slices. A voxel
/// averages 2×2 places in its plane at three depths of the slice; its target is the class of most of them.
/// </summary>
/// <param name="generator">Grid: spacing within a slice (mm) and shape.</param>
/// <param name="settings">How hearts are imaged.</param>
public sealed class HeartGenerator(GeneratorSettings generator, HeartSettings settings)
    : ISampleSource
{
    /// <summary>Target classes.</summary>
    public const byte Cavity = 1,
        Muscle = 2,
        RightVentricle = 3;

    private const int Tissues = (int)HeartTissue.RightWall + 1;
    private static readonly double[] Depths = [-1 / 3.0, 0, 1 / 3.0];

    /// <summary>The generator of a recipe.</summary>
    /// <exception cref="InvalidDataException">The recipe does not say how hearts are imaged.</exception>
    public static HeartGenerator Of(Recipe recipe) =>
        new(
            recipe.Generator,
            recipe.Heart ?? throw new InvalidDataException($"recipe {recipe.Name} has no \"heart\"")
        );

    /// <inheritdoc/>
    public int HeldOutMaps => 1;

    /// <inheritdoc/>
    public SyntheticHead Draw(FastRandom random) =>
        Generate(
            random,
            random.Chance(settings.AnyContrastFraction),
            random.Chance(settings.ThinFraction)
        );

    /// <inheritdoc/>
    public SyntheticHead HeldOut(int map, FastRandom random, double usualContrast) =>
        Generate(random, !random.Chance(usualContrast), thin: false);

    /// <summary>Thin slices that lie side by side (<see cref="HeartSettings.ThinMm"/>), as they would be without noise and shifts.</summary>
    /// <param name="random">The sample's own stream.</param>
    /// <param name="contraction">0 at end diastole, 1 at end systole; null: any.</param>
    public SyntheticHead Thin(FastRandom random, double? contraction = null)
    {
        var heart = new HeartPhantom(random);
        var chest = new ChestPhantom(heart, random);
        var shape = (I: generator.Shape[0], J: generator.Shape[1], K: generator.Shape[2]);
        var phase = random.Uniform();
        var frame = new Frame(random, heart, shape, generator.SpacingMm);
        var extent = shape.K * settings.ThinMm;
        // The whole heart where there is room, else a part of it.
        var above = random.Uniform(0, 25) - Math.Max(0, heart.Length - extent) * random.Uniform();
        var upsideDown = random.Chance(0.5);
        var (mean, texture) = Contrast(random, random.Chance(settings.AnyContrastFraction));
        var (image, labels) = (
            new float[shape.I * shape.J * shape.K],
            new byte[shape.I * shape.J * shape.K]
        );
        for (var n = 0; n < shape.K; n++)
        {
            var slice = new Slice(
                frame,
                (upsideDown ? shape.K - 1 - n : n) * settings.ThinMm - above,
                settings.ThinMm,
                contraction ?? (1 - Math.Cos(Math.PI * phase)) / 2
            );
            var at = n * shape.I * shape.J;
            Image(
                heart,
                chest,
                slice,
                (mean, texture, 1),
                image.AsSpan(at, shape.I * shape.J),
                labels.AsSpan(at, shape.I * shape.J),
                shape.I
            );
        }
        Coil(image, shape, frame, random);
        return new(shape, [image], labels);
    }

    private SyntheticHead Generate(FastRandom random, bool anyContrast, bool thin)
    {
        var heart = new HeartPhantom(random);
        var chest = new ChestPhantom(heart, random);
        var shape = (I: generator.Shape[0], J: generator.Shape[1], K: generator.Shape[2]);
        var distance = thin
            ? settings.ThinMm
            : random.Uniform(settings.SliceDistanceMm[0], settings.SliceDistanceMm[1]);
        var thickness =
            distance * random.Uniform(settings.ThicknessShare[0], settings.ThicknessShare[1]);
        // Phases between end diastole and end systole, both more often than what lies between.
        var contraction = (1 - Math.Cos(Math.PI * random.Uniform())) / 2;
        var frame = new Frame(random, heart, shape, generator.SpacingMm);
        // A few slices above the base, a few beyond the apex; of thin ones a part of the heart.
        var above = thin ? random.Uniform(-heart.Length, 15) : random.Uniform(0, 2.5) * distance;
        var slices = thin
            ? shape.K
            : Math.Min(
                shape.K,
                (int)((above + heart.Length + random.Uniform(0, 2) * distance) / distance) + 1
            );
        var upsideDown = random.Chance(0.5);
        var (mean, texture) = Contrast(random, anyContrast);
        var (image, labels) = (
            new float[shape.I * shape.J * shape.K],
            new byte[shape.I * shape.J * shape.K]
        );
        var first = random.Next(shape.K - slices + 1);
        for (var n = 0; n < slices; n++)
        {
            var slice = new Slice(
                frame.Shifted(
                    settings.SliceShiftMm * random.Gaussian(),
                    settings.SliceShiftMm * random.Gaussian()
                ),
                (upsideDown ? slices - 1 - n : n) * distance - above,
                thickness,
                contraction
            );
            var at = (first + n) * shape.I * shape.J;
            Image(
                heart,
                chest,
                slice,
                (mean, texture, (float)Math.Exp(settings.SliceGain * random.Gaussian())),
                image.AsSpan(at, shape.I * shape.J),
                labels.AsSpan(at, shape.I * shape.J),
                shape.I
            );
        }
        Coil(image, shape, frame, random);
        var blur = random.Uniform(0, 0.7);
        for (var axis = 0; axis < 2; axis++)
        {
            image = Filters.Gaussian(image, shape, axis, blur);
        }
        Acquisition.AddNoise(image, settings.Noise, random);
        return new(shape, [image], labels);
    }

    /// <summary>Where a slice lies: its frame, its depth (mm from the base), its thickness (mm), the heart's phase.</summary>
    private readonly record struct Slice(
        Frame Frame,
        double Z,
        double Thickness,
        double Contraction
    );

    private static void Image(
        HeartPhantom heart,
        ChestPhantom chest,
        Slice slice,
        (float[] Mean, Waves Texture, float Gain) look,
        Span<float> image,
        Span<byte> labels,
        int width
    )
    {
        Span<int> votes = stackalloc int[4];
        for (var n = 0; n < image.Length; n++)
        {
            var (x, y) = slice.Frame.At(n % width, n / width);
            if (x * x + y * y > heart.Reach * heart.Reach)
            {
                image[n] = Value(chest.At(x, y, slice.Z), x, y);
                continue;
            }
            votes.Clear();
            var sum = 0f;
            HeartTissue? around = null;
            for (var point = 0; point < 4; point++)
            {
                var (px, py) = slice.Frame.At(
                    n % width + ((point & 1) - 0.5) / 2,
                    n / width + ((point >> 1) - 0.5) / 2
                );
                foreach (var depth in Depths)
                {
                    var tissue =
                        heart.At(px, py, slice.Z + depth * slice.Thickness, slice.Contraction)
                        ?? (around ??= chest.At(x, y, slice.Z));
                    votes[Class(tissue)]++;
                    sum += look.Mean[(int)tissue];
                }
            }
            image[n] =
                sum
                / (4 * Depths.Length)
                * look.Gain
                * (float)Math.Exp(look.Texture.At(x, y, slice.Z));
            for (byte label = 1; label < votes.Length; label++)
            {
                labels[n] = votes[label] > votes[labels[n]] ? label : labels[n];
            }
        }

        float Value(HeartTissue tissue, double x, double y) =>
            look.Mean[(int)tissue] * look.Gain * (float)Math.Exp(look.Texture.At(x, y, slice.Z));
    }

    private static byte Class(HeartTissue tissue) =>
        tissue switch
        {
            HeartTissue.LeftBlood or HeartTissue.Papillary => Cavity,
            HeartTissue.Myocardium => Muscle,
            HeartTissue.RightBlood or HeartTissue.RightTrabecula => RightVentricle,
            _ => 0,
        };

    /// <summary>Brightness of each tissue, blood of the left ventricle at 1; and how it varies within.</summary>
    private static (float[] Mean, Waves Texture) Contrast(FastRandom random, bool any)
    {
        var mean = new float[Tissues];
        for (var tissue = 0; tissue < Tissues; tissue++)
        {
            mean[tissue] = (float)random.Uniform(0.02, 1.2);
        }
        mean[(int)HeartTissue.Air] = (float)random.Uniform(0.002, 0.03);
        if (!any)
        {
            var muscle = random.Uniform(0.18, 0.52);
            Set(HeartTissue.Lung, 0.03, 0.2);
            Set(HeartTissue.Fat, 0.45, 1.5);
            Set(HeartTissue.Muscle, 0.15, 0.45);
            Set(HeartTissue.Liver, 0.2, 0.6);
            Set(HeartTissue.Bowel, 0.1, 1.2);
            Set(HeartTissue.Bone, 0.2, 0.8);
            Set(HeartTissue.LeftBlood, 1, 1);
            Set(HeartTissue.RightBlood, 0.75, 1.1);
            Set(HeartTissue.Vessel, 0.75, 1.2);
            Set(HeartTissue.Myocardium, muscle, muscle);
            Set(HeartTissue.Papillary, 0.9 * muscle, 1.3 * muscle);
            Set(HeartTissue.RightTrabecula, 0.9 * muscle, 1.5 * muscle);
            Set(HeartTissue.RightWall, 0.8 * muscle, 1.4 * muscle);
        }
        return (mean, new(random, random.Uniform(0.02, 0.14), 12, 60));

        void Set(HeartTissue tissue, double low, double high) =>
            mean[(int)tissue] = (float)random.Uniform(low, high);
    }

    /// <summary>Sensitivity of a coil on the chest, which falls with distance, and gamma.</summary>
    private void Coil(float[] image, (int I, int J, int K) shape, Frame frame, FastRandom random)
    {
        var angle = random.Uniform(0, 2 * Math.PI);
        var (x0, y0) = (130 * Math.Cos(angle), 130 * Math.Sin(angle));
        var fall = random.Uniform(0, 1 / 90.0);
        var gamma = Math.Exp(settings.Gamma * random.Gaussian());
        var plane = new float[shape.I * shape.J];
        for (var n = 0; n < plane.Length; n++)
        {
            var (x, y) = frame.At(n % shape.I, n / shape.I);
            plane[n] = (float)
                Math.Exp(-fall * (Math.Sqrt((x - x0) * (x - x0) + (y - y0) * (y - y0)) - 130));
        }
        for (var n = 0; n < image.Length; n++)
        {
            image[n] = (float)Math.Pow(image[n] * plane[n % plane.Length], gamma);
        }
    }

    /// <summary>Voxels of a slice → the heart's millimetres: turned by any angle, mirrored or not, the heart somewhere near the middle.</summary>
    private readonly record struct Frame(
        double CentreI,
        double CentreJ,
        double Cos,
        double Sin,
        double Mirror
    )
    {
        public Frame(
            FastRandom random,
            HeartPhantom heart,
            (int I, int J, int K) shape,
            double spacing
        )
            : this(0, 0, 0, 0, 1)
        {
            var angle = random.Uniform(0, 2 * Math.PI);
            (Cos, Sin) = (spacing * Math.Cos(angle), spacing * Math.Sin(angle));
            Mirror = random.Chance(0.5) ? 1 : -1;
            var (slackI, slackJ) = (
                Math.Max(8, shape.I / 2.0 - heart.Reach / spacing),
                Math.Max(8, shape.J / 2.0 - heart.Reach / spacing)
            );
            (CentreI, CentreJ) = (
                shape.I / 2.0 + random.Uniform(-1, 1) * slackI,
                shape.J / 2.0 + random.Uniform(-1, 1) * slackJ
            );
        }

        /// <summary>The same, moved by millimetres.</summary>
        public Frame Shifted(double x, double y)
        {
            var spacing = Math.Sqrt(Cos * Cos + Sin * Sin);
            return this with { CentreI = CentreI + x / spacing, CentreJ = CentreJ + y / spacing };
        }

        public (double X, double Y) At(double i, double j)
        {
            var (u, v) = (i - CentreI, Mirror * (j - CentreJ));
            return (u * Cos + v * Sin, v * Cos - u * Sin);
        }
    }
}
