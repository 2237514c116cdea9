using System.Text.Json;
using Platform.Results;

namespace Services.Tests.Results;

/// <summary>Several measures of one scanner, watched together.</summary>
public sealed class DriftStreamTests
{
    [Fact]
    public void Five_stationary_measures_together_alarm_no_more_than_once_in_ten_thousand_cases()
    {
        var alarms = 0;
        for (var seed = 0; seed < 3; seed++)
        {
            var random = new Random(seed);
            var stream = new DriftStream(new Dictionary<string, DriftState>());
            for (var n = 0; n < DriftDetector.CasesBetweenFalseAlarms; n++)
            {
                alarms += Observe(stream, n, Case(random), random) is null ? 0 : 1;
            }
        }
        // Three are promised at most.
        Assert.InRange(alarms, 0, 3);
    }

    [Fact]
    public void A_change_that_moves_several_measures_is_told_once_and_names_the_first()
    {
        var random = new Random(4);
        var stream = new DriftStream(new Dictionary<string, DriftState>());
        for (var n = 0; n < 200; n++)
        {
            Assert.Null(Observe(stream, n, Case(random), random));
        }
        var told = new List<(string Measure, DriftAlarm Alarm)>();
        for (var n = 200; n < 700; n++)
        {
            // Another coil: noisier images at once, worse results with them.
            var values = Case(random);
            values[DriftMeasure.Noise] += 0.2;
            values[DriftMeasure.PredictedDice] -= 0.05;
            if (Observe(stream, n, values, random) is { } alarm)
            {
                told.Add(alarm);
            }
        }
        var (measure, found) = Assert.Single(told);
        Assert.Equal(DriftMeasure.Noise, measure);
        Assert.Equal(DriftDirection.Rising, found.Direction);
        Assert.InRange(int.Parse(found.Cases[^1].StudyId), 200, 230);
    }

    [Fact]
    public void What_is_remembered_between_cases_is_all_there_is_and_a_missing_measure_is_no_case()
    {
        var (one, two) = (new Random(3), new Random(3));
        var whole = new DriftStream(new Dictionary<string, DriftState>());
        var state = "{}";
        for (var n = 0; n < 60; n++)
        {
            var (a, b) = (Case(one), Case(two));
            if (n % 3 == 0)
            {
                a.Remove(DriftMeasure.PredictedDice);
                b.Remove(DriftMeasure.PredictedDice);
            }
            Observe(whole, n, a, one);
            var resumed = new DriftStream(
                JsonSerializer.Deserialize<Dictionary<string, DriftState>>(state)!
            );
            Observe(resumed, n, b, two);
            state = JsonSerializer.Serialize(resumed.State);
        }
        Assert.Equal(JsonSerializer.Serialize(whole.State), state);
        Assert.Equal(40, whole.State[DriftMeasure.PredictedDice].Seen);
        Assert.Equal(60, whole.State[DriftMeasure.VoxelSize].Seen);
    }

    private static (string Measure, DriftAlarm Alarm)? Observe(
        DriftStream stream,
        int n,
        IReadOnlyDictionary<string, double> values,
        Random random
    ) => stream.Observe($"{n}", 1, values, _ => (random.Next(1 << 20) + 0.5) / (1 << 20));

    private static Dictionary<string, double> Case(Random random) =>
        new()
        {
            [DriftMeasure.PredictedDice] = 0.9 - 0.1 * random.NextDouble(),
            [DriftMeasure.Noise] = 0.05 + 0.05 * random.NextDouble(),
            [DriftMeasure.Brightness] = 0.5 + 0.1 * random.NextDouble(),
            [DriftMeasure.Foreground] = 0.3 + 0.2 * random.NextDouble(),
            // One protocol: always the same.
            [DriftMeasure.VoxelSize] = 0.5,
        };
}
