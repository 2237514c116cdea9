using System.Diagnostics;

namespace Platform.Inference;

/// <summary>Seconds by step, of all times it ran; time spent between steps is left out.</summary>
public sealed class StepWatch
{
    private readonly Dictionary<string, double> _seconds = [];

    /// <summary>The steps so far.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    /// <summary>Runs a step and books its time.</summary>
    public T Time<T>(string step, Func<T> run)
    {
        var start = Stopwatch.GetTimestamp();
        var result = run();
        _seconds[step] =
            _seconds.GetValueOrDefault(step) + Stopwatch.GetElapsedTime(start).TotalSeconds;
        return result;
    }

    /// <inheritdoc cref="Time"/>
    public async Task<T> TimeAsync<T>(string step, Func<Task<T>> run)
    {
        var start = Stopwatch.GetTimestamp();
        var result = await run();
        _seconds[step] =
            _seconds.GetValueOrDefault(step) + Stopwatch.GetElapsedTime(start).TotalSeconds;
        return result;
    }
}
