using Platform.Imaging;

namespace Platform.Training.Synthesis;

/// <summary>Where lesions may lie in one label map.</summary>
public sealed class LesionAnatomy
{
    /// <summary>White matter to this distance from the lateral ventricles is periventricular, mm.</summary>
    private const float PeriventricularMm = 10;

    /// <summary>White matter to this distance from what is no white matter is subcortical, mm.</summary>
    private const float SubcorticalMm = 3;

    private static readonly int[] WhiteMatterValues = [2, 41];
    private static readonly int[] VentricleValues = [4, 43];
    private static readonly int[] CerebrumValues =
    [
        .. WhiteMatterValues,
        3,
        42,
        10,
        49,
        11,
        50,
        12,
        51,
        13,
        52,
        17,
        53,
        18,
        54,
        26,
        58,
    ];

    /// <param name="map">The map.</param>
    /// <param name="values">FreeSurfer value of each index.</param>
    /// <exception cref="InvalidDataException">No cerebral white matter or no lateral ventricle in the map.</exception>
    public LesionAnatomy(LabelMap map, IReadOnlyList<int> values)
    {
        (WhiteMatter, Cerebrum) = (Table(WhiteMatterValues), Table(CerebrumValues));
        var ventricle = Distance(Table(VentricleValues));
        var depth = Distance([.. WhiteMatter.Select(white => !white)]);
        (Low, Size) =
            LabelMap.Bounds(map.Shape, n => Cerebrum[map.Indices[n]])
            ?? throw Missing("cerebral white matter (labels 2 and 41)");
        var white = Enumerable
            .Range(0, map.Indices.Length)
            .Where(n => WhiteMatter[map.Indices[n]])
            .ToArray();
        if (white.Length == 0)
        {
            throw Missing("cerebral white matter (labels 2 and 41)");
        }
        Periventricular =
        [
            .. white.Where(n => ventricle[n] <= PeriventricularMm).Select(n => (n, ventricle[n])),
        ];
        if (Periventricular.Count == 0)
        {
            throw Missing("lateral ventricle (labels 4 and 43) beside white matter");
        }
        var other = white.Where(n => ventricle[n] > PeriventricularMm).ToArray();
        Deep = [.. other.Where(n => depth[n] > SubcorticalMm)];
        Subcortical = [.. other.Where(n => depth[n] <= SubcorticalMm)];

        bool[] Table(int[] which) =>
            [
                .. Enumerable
                    .Range(0, 256)
                    .Select(index => index < values.Count && which.Contains(values[index])),
            ];

        float[] Distance(bool[] which) =>
            DistanceTransform
                .ToMask(
                    new(
                        VolumeGeometry.Ras(map.Shape, (1, 1, 1)),
                        [.. map.Indices.Select(index => which[index] ? (byte)1 : (byte)0)]
                    )
                )
                .Voxels;

        InvalidDataException Missing(string what) =>
            new($"{map.Name}: lesions cannot be placed, the map has no {what}");
    }

    /// <summary>By index of the atlas: cerebral white matter, in which focal lesions and oedema lie.</summary>
    public bool[] WhiteMatter { get; }

    /// <summary>By index of the atlas: cerebral white and grey matter, in which infarcts and tumours lie.</summary>
    public bool[] Cerebrum { get; }

    /// <summary>First voxel of the box around the cerebrum.</summary>
    public (int I, int J, int K) Low { get; }

    /// <summary>Voxels of that box.</summary>
    public (int I, int J, int K) Size { get; }

    /// <summary>White matter beside the lateral ventricles, with its distance from them in mm.</summary>
    public IReadOnlyList<(int Voxel, float DistanceMm)> Periventricular { get; }

    /// <summary>White matter far from ventricles and cortex.</summary>
    public IReadOnlyList<int> Deep { get; }

    /// <summary>White matter right below the cortex.</summary>
    public IReadOnlyList<int> Subcortical { get; }
}
