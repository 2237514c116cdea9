namespace Platform.Training.Synthesis;

/// <summary>How bright a tissue is in T1-weighted images, relative to cerebral white matter at 1.</summary>
/// <param name="Low">Least mean.</param>
/// <param name="High">Largest mean.</param>
/// <param name="Texture">How much a coarse random pattern changes it: muscle and fat are mixed in one label.</param>
public sealed record Tissue(double Low, double High, double Texture = 0);

/// <summary>
/// Tissues of FreeSurfer's values and of the extra-cerebral values above 500. Left and right share a tissue.
/// Ranges are this project's own, around the usual order on MPRAGE: white matter, pallidum, brain stem, thalamus, putamen,
/// caudate, cortex, choroid plexus, fluid.
/// </summary>
public static class TissueTable
{
    /// <summary>From here on a label is not brain: skull stripping removes it.</summary>
    public const int FirstExtraCerebral = 500;

    /// <summary>Cerebrospinal fluid around the brain, which some skull stripping removes too.</summary>
    public const int OuterFluid = 24;

    private static readonly (int[] Values, Tissue Tissue)[] Rows =
    [
        ([0], new(0, 0.04)),
        ([2, 41], new(1, 1)),
        ([3, 42], new(0.60, 0.80)),
        ([4, 5, 43, 44, 14, 15, 72], new(0.12, 0.36)),
        ([24], new(0.12, 0.38)),
        ([7, 46], new(0.88, 1.02)),
        ([8, 47], new(0.58, 0.80)),
        ([10, 49], new(0.76, 0.94)),
        ([11, 50], new(0.64, 0.84)),
        ([12, 51], new(0.68, 0.88)),
        ([13, 52], new(0.82, 1.02)),
        ([16], new(0.82, 1.0)),
        ([17, 53], new(0.60, 0.80)),
        ([18, 54], new(0.60, 0.80)),
        ([26, 58], new(0.62, 0.84)),
        ([28, 60], new(0.74, 0.96)),
        ([25, 57], new(0.55, 0.95)),
        ([30, 62], new(0.2, 0.9)),
        ([85], new(0.6, 0.95)),
        ([136, 137, 163, 164], new(0.25, 0.6)),
        ([502], new(0.1, 0.9, 0.3)),
        ([506], new(0.12, 0.4)),
        ([507], new(0.35, 1.3, 0.45)),
        ([508], new(0.6, 1.5, 0.2)),
        ([509], new(0.15, 0.7, 0.3)),
        ([511], new(0.35, 2.2, 0.3)),
        ([512], new(0.7, 1.0)),
        ([514], new(0.1, 1.3)),
        ([515], new(0.05, 0.3, 0.1)),
        ([516], new(0.35, 1.4, 0.3)),
        ([530], new(0.4, 0.9)),
    ];

    private static readonly Dictionary<int, int> RowOf = Rows.SelectMany(
            (row, index) => row.Values.Select(value => (value, index))
        )
        .ToDictionary(pair => pair.value, pair => pair.index);

    /// <summary>Whether a label value has a tissue.</summary>
    public static bool Knows(int value) => RowOf.ContainsKey(value);

    /// <summary>Draws a mean, a deviation and a texture for every label of a table; T1-like, or anything at all.</summary>
    /// <param name="values">Label values.</param>
    /// <param name="likeT1">False: every tissue's mean is uniform, as contrast-agnostic training wants.</param>
    /// <param name="random">Source.</param>
    public static (float[] Mean, float[] Deviation, float[] Texture) Draw(
        IReadOnlyList<int> values,
        bool likeT1,
        FastRandom random
    )
    {
        var (mean, deviation, texture) = (
            new float[values.Count],
            new float[values.Count],
            new float[values.Count]
        );
        var contrast = random.Uniform(0.65, 1.15);
        var dark = random.Chance(0.7);
        var drawn = Rows.Select((row, n) => Draw(row.Tissue, n)).ToArray();
        for (var n = 0; n < values.Count; n++)
        {
            var known = RowOf.TryGetValue(values[n], out var row);
            (mean[n], deviation[n], texture[n]) = known
                ? drawn[row]
                : ((float)random.Uniform(), (float)random.Uniform(0, 0.1), 0.2f);
        }
        return (mean, deviation, texture);

        (float, float, float) Draw(Tissue tissue, int row)
        {
            var (uniform, spread) = (random.Uniform(), random.Uniform());
            if (likeT1)
            {
                var value = tissue.Low + (tissue.High - tissue.Low) * uniform;
                value = value > 0.5 && tissue.Texture == 0 ? 1 + (value - 1) * contrast : value;
                return (
                    (float)value,
                    (float)(0.015 + 0.05 * spread) * (row == 0 ? 0.3f : 1),
                    (float)(tissue.Texture * random.Uniform(0.3, 1.3))
                );
            }
            var background = row == 0 && dark;
            return (
                background ? 0.02f * (float)uniform : (float)uniform,
                background ? 0.01f : 0.12f * (float)spread,
                (float)tissue.Texture
            );
        }
    }
}
