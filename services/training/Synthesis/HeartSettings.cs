namespace Platform.Training.Synthesis;

/// <summary>How hearts are imaged; each sample draws anew. Their anatomy is <see cref="HeartPhantom"/>'s.</summary>
public sealed record HeartSettings
{
    /// <summary>Least and largest distance of slices, mm.</summary>
    public required IReadOnlyList<double> SliceDistanceMm { get; init; }

    /// <summary>Fraction of samples with thin slices of <see cref="ThinMm"/>, as super-resolution makes them.</summary>
    public double ThinFraction { get; init; }

    /// <summary>Distance of thin slices, mm.</summary>
    public double ThinMm { get; init; } = 2;

    /// <summary>Least and largest thickness of a slice over the distance of slices: below 1 there are gaps.</summary>
    public required IReadOnlyList<double> ThicknessShare { get; init; }

    /// <summary>Standard deviation of the shift of a slice within its plane, each breath hold anew, mm.</summary>
    public required double SliceShiftMm { get; init; }

    /// <summary>Largest standard deviation of the logarithm of a slice's brightness.</summary>
    public double SliceGain { get; init; } = 0.1;

    /// <summary>Fraction of samples whose tissues have any brightness at all; the others look like a balanced steady-state sequence.</summary>
    public double AnyContrastFraction { get; init; } = 0.1;

    /// <summary>Largest standard deviation of the noise, relative to blood at 1.</summary>
    public double Noise { get; init; } = 0.08;

    /// <summary>Standard deviation of the logarithm of gamma.</summary>
    public double Gamma { get; init; } = 0.15;
}
