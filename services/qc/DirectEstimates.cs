namespace Platform.Qc;

/// <summary>What is said of a segmentation without references.</summary>
public sealed record DirectEstimates
{
    /// <summary>By label value, the Dice that the model's quality regressor predicts; null where there is no regressor, or an image it cannot read.</summary>
    public IReadOnlyDictionary<byte, double>? Regressed { get; init; }

    /// <summary>How far nine in ten of the regressor's predictions err at most.</summary>
    public double Margin { get; init; }

    /// <summary>By label value, how well the network's answers on altered images agree; null where the model does not ask for it.</summary>
    public IReadOnlyDictionary<int, double>? Agreement { get; init; }

    /// <summary>What the verdict rests on where there are no references.</summary>
    public string Method =>
        Regressed is not null ? "regression"
        : Agreement is not null ? "agreement"
        : QualityAssessor.None;

    /// <summary>The prediction of a structure and its interval, by <see cref="Method"/>; null where nothing can be said of it.</summary>
    public (double Dice, double? Low, double? High)? Of(byte label) =>
        Regressed is not null
            ? Regressed.TryGetValue(label, out var dice)
                ? (dice, Math.Max(0, dice - Margin), Math.Min(1, dice + Margin))
                : null
            : Agreement is not null && Agreement.TryGetValue(label, out var agreed)
                ? (agreed, null, null)
                : null;
}
