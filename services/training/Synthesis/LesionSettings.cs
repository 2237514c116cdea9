namespace Platform.Training.Synthesis;

/// <summary>Which lesions are painted into label maps; ranges are uniform unless said, fractions of heads.</summary>
public sealed record LesionSettings
{
    /// <summary>Heads with focal white-matter lesions.</summary>
    public double FocalFraction { get; init; } = 0.9;

    /// <summary>Focal lesions of such a head: least and most, uniform in their logarithm.</summary>
    public IReadOnlyList<int> FocalCount { get; init; } = [1, 80];

    /// <summary>Volume of a focal lesion, mm³: least and largest; small ones are more frequent.</summary>
    public IReadOnlyList<double> FocalVolumeMm3 { get; init; } = [4, 3000];

    /// <summary>Of the focal lesions, those beside the lateral ventricles and those right below the cortex; the others lie deep.</summary>
    public IReadOnlyList<double> PeriventricularAndSubcortical { get; init; } = [0.45, 0.15];

    /// <summary>Heads with a band of lesion along the lateral ventricles, from a lining to confluent caps.</summary>
    public double BandFraction { get; init; } = 0.6;

    /// <summary>Mean thickness of a band, mm: least and largest. It varies along the ventricle by half of itself.</summary>
    public IReadOnlyList<double> BandMm { get; init; } = [0.5, 6];

    /// <summary>Heads with an infarct, shaped as a real one.</summary>
    public double InfarctFraction { get; init; } = 0.1;

    /// <summary>Heads with a tumour.</summary>
    public double TumourFraction { get; init; } = 0.05;

    /// <summary>Radius of a tumour's core, mm: least and largest.</summary>
    public IReadOnlyList<double> TumourRadiusMm { get; init; } = [5, 16];

    /// <summary>Checked before training.</summary>
    /// <exception cref="InvalidDataException">A range that is none, or a fraction that is none; its key and value are named.</exception>
    public void Validate()
    {
        Range("focalCount", [.. FocalCount.Select(n => (double)n)], 1);
        Range("focalVolumeMm3", FocalVolumeMm3, 1);
        Range("bandMm", BandMm, 0);
        Range("tumourRadiusMm", TumourRadiusMm, 1);
        Fraction("focalFraction", FocalFraction);
        Fraction("bandFraction", BandFraction);
        Fraction("infarctFraction", InfarctFraction);
        Fraction("tumourFraction", TumourFraction);
        if (
            PeriventricularAndSubcortical is not [var near, var outer]
            || !(near >= 0 && outer >= 0 && near + outer <= 1)
        )
        {
            throw new InvalidDataException(
                $"lesions.periventricularAndSubcortical [{string.Join(", ", PeriventricularAndSubcortical)}]: two fractions, together at most 1"
            );
        }

        static void Range(string key, IReadOnlyList<double> range, double least)
        {
            if (range is not [var low, var high] || !(low >= least && low <= high))
            {
                throw new InvalidDataException(
                    $"lesions.{key} [{string.Join(", ", range)}]: the least and the largest, from {least} on"
                );
            }
        }

        static void Fraction(string key, double value)
        {
            if (!(value >= 0 && value <= 1))
            {
                throw new InvalidDataException($"lesions.{key} {value}: from 0 to 1");
            }
        }
    }
}
