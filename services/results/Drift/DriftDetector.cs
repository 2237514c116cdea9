namespace Platform.Results;

/// <summary>
/// Watches one stream of numbers for a change of their distribution, case by case, without knowing the distribution. A case's rank among all
/// cases so far is a conformal p-value: uniform and independent while the stream is stationary (Vovk et al. 2005). Bets on p-values near 0
/// (falling) or near 1 (rising) multiply; each bet starts anew when it has lost all (the CUSUM e-detector of Shin, Ramdas and Rinaldo 2023).
/// An alarm needs a gain of 2 · <see cref="CasesBetweenFalseAlarms"/> for each of the detectors that share the promise, so that with all of them
/// stationary, whatever their distributions, on average at least so many cases lie between two alarms.
/// </summary>
public sealed class DriftDetector
{
    /// <summary>What both directions of all detectors that share it promise.</summary>
    public const int CasesBetweenFalseAlarms = 10_000;

    /// <summary>Values are told apart to 1/500; equal ones share their ranks at random.</summary>
    private const int Bins = 500;

    /// <summary>Cases kept for an alarm.</summary>
    private const int MostCases = 50;

    /// <summary>A bet κ·p^(κ−1) gains most where the change is large (small κ) or slight (large κ); one of each is kept.</summary>
    private static readonly double[] Exponents = [0.2, 0.5, 0.8];

    private readonly double _alarmAt;
    private readonly int[] _counts;
    private readonly DriftBet[] _falling;
    private readonly DriftBet[] _rising;
    private readonly List<DriftCase> _cases;
    private int _seen;

    /// <param name="state">What <see cref="State"/> gave after the last case; null before the first, and after an alarm, when the new distribution is to be learnt.</param>
    /// <param name="sharers">Detectors that share the promise, this one included.</param>
    public DriftDetector(DriftState? state = null, int sharers = 1)
    {
        _alarmAt = 2.0 * CasesBetweenFalseAlarms * sharers;
        _seen = state?.Seen ?? 0;
        _counts = state?.Counts.Length == Bins ? [.. state.Counts] : new int[Bins];
        _falling = state is null ? new DriftBet[Exponents.Length] : [.. state.Falling];
        _rising = state is null ? new DriftBet[Exponents.Length] : [.. state.Rising];
        _cases = state is null ? [] : [.. state.Cases];
    }

    /// <summary>All that the next case needs to be judged.</summary>
    public DriftState State =>
        new()
        {
            Seen = _seen,
            Counts = [.. _counts],
            Falling = [.. _falling],
            Rising = [.. _rising],
            Cases = [.. _cases],
        };

    /// <summary>Takes a case into account.</summary>
    /// <param name="observed">The case; its value is between 0 and 1, and taken as the nearer where it is not.</param>
    /// <param name="tie">Between 0 and 1, both excluded; anything that the value does not decide, as uniform as a hash.</param>
    /// <returns>The alarm it sets off, or null.</returns>
    public DriftAlarm? Observe(DriftCase observed, double tie)
    {
        var bin = (int)Math.Clamp(observed.Value * Bins, 0, Bins - 1);
        var below = 0;
        foreach (var count in _counts.AsSpan(0, bin))
        {
            below += count;
        }
        var p = (below + tie * (_counts[bin] + 1)) / (_seen + 1);
        Bet(_falling, p);
        Bet(_rising, 1 - p);
        _cases.Add(observed);
        if (_cases.Count > MostCases)
        {
            _cases.RemoveAt(0);
        }
        var falling = _falling.Average(bet => bet.Gain) >= _alarmAt;
        if (falling || _rising.Average(bet => bet.Gain) >= _alarmAt)
        {
            var best = (falling ? _falling : _rising).MaxBy(bet => bet.Gain);
            var alarm = new DriftAlarm(
                falling ? DriftDirection.Falling : DriftDirection.Rising,
                Median(),
                _seen,
                [.. _cases.TakeLast(best.Cases)]
            );
            Forget();
            return alarm;
        }
        _counts[bin]++;
        _seen++;
        return null;
    }

    private static void Bet(DriftBet[] bets, double p)
    {
        for (var n = 0; n < bets.Length; n++)
        {
            var factor = Exponents[n] * Math.Pow(Math.Max(p, 1e-12), Exponents[n] - 1);
            bets[n] =
                bets[n].Gain > 1 ? new(bets[n].Gain * factor, bets[n].Cases + 1) : new(factor, 1);
        }
    }

    private double Median()
    {
        var (bin, left) = (0, _seen / 2);
        while (bin < Bins - 1 && left >= _counts[bin])
        {
            left -= _counts[bin++];
        }
        return (bin + 0.5) / Bins;
    }

    private void Forget()
    {
        _seen = 0;
        Array.Clear(_counts);
        Array.Clear(_falling);
        Array.Clear(_rising);
        _cases.Clear();
    }
}

/// <summary>What a detector remembers.</summary>
public sealed record DriftState
{
    /// <summary>Cases since the beginning or the last alarm.</summary>
    public required int Seen { get; init; }

    /// <summary>How many of them had which value, in equal steps from 0 to 1.</summary>
    public required int[] Counts { get; init; }

    /// <summary>The bets that values fall.</summary>
    public required DriftBet[] Falling { get; init; }

    /// <summary>The bets that values rise.</summary>
    public required DriftBet[] Rising { get; init; }

    /// <summary>The latest cases.</summary>
    public required DriftCase[] Cases { get; init; }
}

/// <summary>A bet.</summary>
/// <param name="Gain">What it has made of 1.</param>
/// <param name="Cases">In how many cases.</param>
public readonly record struct DriftBet(double Gain, int Cases);

/// <summary>One case of a stream.</summary>
/// <param name="StudyId">The study.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Value">What is watched, between 0 and 1.</param>
public sealed record DriftCase(string StudyId, int Revision, double Value);

/// <summary>Which way a stream moved.</summary>
public enum DriftDirection
{
    /// <summary>Values are lower than they were.</summary>
    Falling,

    /// <summary>Values are higher than they were.</summary>
    Rising,
}

/// <summary>A change of distribution.</summary>
/// <param name="Direction">Which way.</param>
/// <param name="Before">The median of the cases before the alarm, those that moved it included.</param>
/// <param name="Seen">How many those are.</param>
/// <param name="Cases">The cases in which the best bet gained, at most the last 50, oldest first.</param>
public sealed record DriftAlarm(
    DriftDirection Direction,
    double Before,
    int Seen,
    IReadOnlyList<DriftCase> Cases
);
