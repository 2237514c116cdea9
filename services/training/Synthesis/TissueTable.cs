namespace Platform.Training.Synthesis;

/// <summary>What an image is weighted by.</summary>
public enum Contrast
{
    /// <summary>T1: fluid dark, grey matter darker than white, lesions darker than white matter.</summary>
    T1,

    /// <summary>T2 with fluid suppressed: fluid dark, grey matter brighter than white, lesions brighter than both.</summary>
    Flair,

    /// <summary>Every tissue's mean is uniform, as contrast-agnostic training wants.</summary>
    Any,
}

/// <summary>How bright a tissue is, relative to cerebral white matter at 1.</summary>
/// <param name="Low">Least mean.</param>
/// <param name="High">Largest mean.</param>
/// <param name="Texture">How much a coarse random pattern changes it: muscle and fat are mixed in one label.</param>
public sealed record Tissue(double Low, double High, double Texture = 0);

/// <summary>
/// Tissues of FreeSurfer's values, of the extra-cerebral values above 500 and of lesions. Left and right share a tissue.
/// Ranges are this project's own: on T1 around the usual order on MPRAGE (white matter, pallidum, brain stem, thalamus, putamen,
/// caudate, cortex, choroid plexus, fluid), on FLAIR around lesions, cortex, deep grey matter, white matter, fluid;
/// fat (in 507, 511, 516) is dark there where it is suppressed and brighter than any lesion where it is not.
/// </summary>
public static class TissueTable
{
    /// <summary>From here on a label is not brain: skull stripping removes it.</summary>
    public const int FirstExtraCerebral = 500;

    /// <summary>Cerebrospinal fluid around the brain, which some skull stripping removes too.</summary>
    public const int OuterFluid = 24;

    /// <summary>FreeSurfer's left lesion; a white-matter lesion of either side is drawn with it.</summary>
    public const int WhiteMatterLesion = 25;

    /// <summary>White matter near a lesion that is changed but no lesion. This value and the next three are this project's own.</summary>
    public const int DiffuseChange = 481;

    /// <summary>An infarct.</summary>
    public const int Infarct = 482;

    /// <summary>A tumour without its oedema.</summary>
    public const int TumourCore = 483;

    /// <summary>White matter swollen around a tumour.</summary>
    public const int Oedema = 484;

    private static readonly (int[] Values, Tissue T1, Tissue Flair)[] Healthy =
    [
        ([0], new(0, 0.04), new(0, 0.04)),
        ([2, 41], new(1, 1), new(1, 1)),
        ([3, 42], new(0.60, 0.80), new(1.08, 1.5)),
        ([4, 5, 43, 44, 14, 15, 72], new(0.12, 0.36), new(0.1, 0.45)),
        ([24], new(0.12, 0.38), new(0.1, 0.5)),
        ([7, 46], new(0.88, 1.02), new(0.9, 1.1)),
        ([8, 47], new(0.58, 0.80), new(1.05, 1.4)),
        ([10, 49], new(0.76, 0.94), new(1.0, 1.3)),
        ([11, 50], new(0.64, 0.84), new(1.05, 1.4)),
        ([12, 51], new(0.68, 0.88), new(1.0, 1.35)),
        ([13, 52], new(0.82, 1.02), new(0.8, 1.15)),
        ([16], new(0.82, 1.0), new(0.9, 1.2)),
        ([17, 53], new(0.60, 0.80), new(1.1, 1.55)),
        ([18, 54], new(0.60, 0.80), new(1.1, 1.5)),
        ([26, 58], new(0.62, 0.84), new(1.05, 1.4)),
        ([28, 60], new(0.74, 0.96), new(0.95, 1.25)),
        ([25, 57], new(0.55, 0.95), new(1.25, 2.3, 0.12)),
        ([30, 62], new(0.2, 0.9), new(0.3, 1.5)),
        ([85], new(0.6, 0.95), new(0.8, 1.2)),
        ([136, 137, 163, 164], new(0.25, 0.6), new(0.4, 1.4)),
        ([502], new(0.1, 0.9, 0.3), new(0.1, 1.2, 0.3)),
        ([506], new(0.12, 0.4), new(0.1, 0.5)),
        ([507], new(0.35, 1.3, 0.45), new(0.3, 3.0, 0.45)),
        ([508], new(0.6, 1.5, 0.2), new(0.5, 1.8, 0.2)),
        ([509], new(0.15, 0.7, 0.3), new(0.1, 0.8, 0.3)),
        ([511], new(0.35, 2.2, 0.3), new(0.3, 3.5, 0.3)),
        ([512], new(0.7, 1.0), new(0.7, 1.3)),
        ([514], new(0.1, 1.3), new(0.1, 1.3)),
        ([515], new(0.05, 0.3, 0.1), new(0.05, 0.4, 0.1)),
        ([516], new(0.35, 1.4, 0.3), new(0.3, 2.5, 0.3)),
        ([530], new(0.4, 0.9), new(0.4, 1.2)),
    ];

    /// <summary>Drawn after the others and only where they are painted, so that heads without lesions stay what they were.</summary>
    private static readonly (int[] Values, Tissue T1, Tissue Flair)[] Painted =
    [
        ([DiffuseChange], new(0.88, 1.0), new(1.05, 1.2, 0.05)),
        ([Infarct], new(0.35, 0.9, 0.1), new(1.25, 2.4, 0.15)),
        ([TumourCore], new(0.3, 0.95, 0.2), new(1.1, 2.2, 0.25)),
        ([Oedema], new(0.6, 0.92, 0.05), new(1.35, 2.3, 0.12)),
    ];

    private static readonly Dictionary<int, int> RowOf = Healthy
        .Concat(Painted)
        .SelectMany((row, index) => row.Values.Select(value => (value, index)))
        .ToDictionary(pair => pair.value, pair => pair.index);

    /// <summary>Values that <see cref="LesionPainter"/> writes.</summary>
    public static IReadOnlyList<int> LesionValues { get; } =
    [WhiteMatterLesion, .. Painted.SelectMany(row => row.Values)];

    /// <summary>Whether a label value has a tissue.</summary>
    public static bool Knows(int value) => RowOf.ContainsKey(value);

    /// <summary>Draws a mean, a deviation and a texture for every label of a table; around what a contrast usually shows.</summary>
    /// <param name="values">Label values.</param>
    /// <param name="contrast">The contrast.</param>
    /// <param name="random">Source.</param>
    public static (float[] Mean, float[] Deviation, float[] Texture) Draw(
        IReadOnlyList<int> values,
        Contrast contrast,
        FastRandom random
    )
    {
        var (mean, deviation, texture) = (
            new float[values.Count],
            new float[values.Count],
            new float[values.Count]
        );
        var strength = random.Uniform(0.65, 1.15);
        var dark = random.Chance(0.7);
        var rows = values.Contains(DiffuseChange) ? [.. Healthy, .. Painted] : Healthy;
        var drawn = rows.Select(
                (row, n) => Draw(contrast == Contrast.Flair ? row.Flair : row.T1, n)
            )
            .ToArray();
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
            if (contrast != Contrast.Any)
            {
                var value = tissue.Low + (tissue.High - tissue.Low) * uniform;
                value = value > 0.5 && tissue.Texture == 0 ? 1 + (value - 1) * strength : value;
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
