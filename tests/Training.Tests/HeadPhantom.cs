using Platform.Training;
using Platform.Training.Synthesis;

namespace Training.Tests;

/// <summary>A head of nested ellipsoids with FreeSurfer values, so that these tests need no data.</summary>
internal static class HeadPhantom
{
    public static readonly (int I, int J, int K) Shape = (96, 112, 112);

    /// <summary>Outermost first; each is drawn over what is there. Left is where i is small.</summary>
    private static readonly (double Radius, ushort Left, ushort Right)[] Shells =
    [
        (1.0, 511, 511),
        (0.94, 507, 507),
        (0.88, 515, 515),
        (0.82, 24, 24),
        (0.76, 3, 42),
        (0.66, 2, 41),
        (0.36, 10, 49),
        (0.22, 4, 43),
    ];

    public static ushort[] Labels(double scale = 1)
    {
        var labels = new ushort[Shape.I * Shape.J * Shape.K];
        for (int k = 0, n = 0; k < Shape.K; k++)
        {
            for (var j = 0; j < Shape.J; j++)
            {
                for (var i = 0; i < Shape.I; i++, n++)
                {
                    var (x, y, z) = (Unit(i, Shape.I), Unit(j, Shape.J), Unit(k, Shape.K));
                    var radius = Math.Sqrt(x * x + y * y + z * z) / (0.95 * scale);
                    foreach (var shell in Shells)
                    {
                        if (radius <= shell.Radius)
                        {
                            labels[n] = i < Shape.I / 2 ? shell.Left : shell.Right;
                        }
                    }
                }
            }
        }
        return labels;

        static double Unit(int n, int size) => (n + 0.5) / size * 2 - 1;
    }

    public static LabelAtlas Atlas() =>
        LabelAtlas.Build([(Shape, Labels(), "a"), (Shape, Labels(0.9), "b")]);

    public static IReadOnlyList<Structure> Structures { get; } =
    [
        new()
        {
            Name = "cerebral white matter",
            Labels = [2],
            RightLabels = [41],
            Value = 2,
        },
        new()
        {
            Name = "cerebral cortex",
            Labels = [3],
            RightLabels = [42],
            Value = 3,
        },
        new()
        {
            Name = "lateral ventricle",
            Labels = [4],
            RightLabels = [43],
            Value = 4,
            RightValue = 43,
        },
        new()
        {
            Name = "thalamus",
            Labels = [10],
            RightLabels = [49],
            Value = 10,
            RightValue = 49,
        },
    ];

    /// <summary>Nothing is random but the contrast.</summary>
    public static GeneratorSettings Still { get; } =
        new()
        {
            SpacingMm = 4,
            Shape = [32, 32, 32],
            Scale = 0,
            RotationDegrees = 0,
            Shear = 0,
            ShiftMm = 0,
            ElasticMm = 0,
            Mirror = false,
            StrippedFraction = 0,
            PartlyStrippedFraction = 0,
            Bias = 0,
            Gamma = 0,
            Noise = 0,
            T1Fraction = 1,
            ThickFraction = 0,
            CoarseFraction = 0,
        };

    public static Recipe Brain { get; } =
        new()
        {
            Name = "phantom",
            Version = "1.0.0",
            Seed = 7,
            Network = new() { Widths = [4, 8, 8], OutputWidth = 4 },
            Optimisation = new()
            {
                Steps = 30,
                Patch = [24, 24, 24],
                LearningRate = 0.01,
                WarmUpSteps = 3,
                HeldOutMaps = [1],
                HeldOutHeads = 1,
            },
            Generator = Still with { Scale = 0.1, ElasticMm = 2, Mirror = true, Noise = 0.03 },
            Structures = Structures,
        };

    public static Recipe Slices { get; } =
        Brain with
        {
            Name = "phantom-sr",
            Network = new() { Widths = [6, 6], OutputWidth = 4 },
            Optimisation = Brain.Optimisation with { Patch = [16, 16, 6], LearningRate = 0.002 },
            Slices = new()
            {
                Factor = 4,
                ProfileFwhm = [0.9, 1.1],
                Noise = 0.02,
            },
            Generator = Still with { SpacingMm = 3, Shape = [32, 32, 32] },
            Structures = [],
        };

    public static Recipe Quality { get; } =
        Brain with
        {
            Name = "phantom-quality",
            Judges = "phantom",
            Network = new() { Widths = [6, 8], OutputWidth = 12 },
            Optimisation = Brain.Optimisation with
            {
                Steps = 120,
                Patch = [32, 32, 32],
                PatchesPerHead = 4,
                PatchesPerStep = 2,
                LearningRate = 0.01,
            },
            Generator = Brain.Generator with { Mirror = false },
            Structures = [],
        };

    public static Recipe Lesions { get; } =
        Brain with
        {
            Name = "phantom-lesions",
            Network = new() { Widths = [4, 4, 4, 4, 4, 4, 6, 6], OutputWidth = 12 },
            Optimisation = Brain.Optimisation with
            {
                Steps = 20,
                Patch = [9, 9, 9],
                PatchesPerStep = 2,
            },
            Generator = Brain.Generator with
            {
                Channels =
                [
                    new() { Name = "FLAIR", Contrast = Contrast.Flair },
                    new()
                    {
                        Name = "T1",
                        Contrast = Contrast.T1,
                        MissingFraction = 0.5,
                    },
                ],
            },
            Lesions = new() { FocalVolumeMm3 = [500, 6000], InfarctFraction = 0.5 },
            Structures =
            [
                new()
                {
                    Name = "lesion",
                    Labels =
                    [
                        TissueTable.WhiteMatterLesion,
                        TissueTable.Infarct,
                        TissueTable.TumourCore,
                        TissueTable.Oedema,
                    ],
                    Value = 1,
                },
            ],
        };
}
