using System.Text.Json;
using Platform.Results;

namespace Services.Tests.Results;

/// <summary>The sequential test, on streams whose changes are known.</summary>
public sealed class DriftDetectorTests
{
    /// <summary>Streams that no assumption of normality would fit.</summary>
    public static readonly TheoryData<string> Stationary =
    [
        "near one",
        "uniform",
        "two values",
        "constant",
        "two scanners",
    ];

    [Theory]
    [MemberData(nameof(Stationary))]
    public void A_stationary_stream_alarms_no_more_than_once_in_ten_thousand_cases(string kind)
    {
        var alarms = 0;
        for (var stream = 0; stream < 10; stream++)
        {
            var random = new Random(stream);
            var detector = new DriftDetector();
            for (var n = 0; n < DriftDetector.CasesBetweenFalseAlarms; n++)
            {
                alarms += detector.Observe(Case(n, Draw(kind, random)), Tie(random)) is null
                    ? 0
                    : 1;
            }
        }
        // Ten are promised at most.
        Assert.InRange(alarms, 0, 10);
    }

    [Theory]
    [InlineData(-0.2, 12)]
    [InlineData(-0.1, 25)]
    [InlineData(-0.05, 80)]
    [InlineData(0.08, 60)]
    public void A_shift_is_found_within_so_many_cases(double shift, int within)
    {
        var random = new Random(7);
        var detector = new DriftDetector();
        for (var n = 0; n < 300; n++)
        {
            Assert.Null(detector.Observe(Case(n, Near(0.85, random)), Tie(random)));
        }
        DriftAlarm? alarm = null;
        var count = 0;
        while (alarm is null && count < within)
        {
            alarm = detector.Observe(Case(1000 + count++, Near(0.85 + shift, random)), Tie(random));
        }
        Assert.NotNull(alarm);
        Assert.Equal(shift < 0 ? DriftDirection.Falling : DriftDirection.Rising, alarm.Direction);
        Assert.InRange(alarm.Before, 0.83, 0.87);
        Assert.Equal(300 + count - 1, alarm.Seen);
        // The cases that moved it are mostly those after the change, the last of them among them.
        Assert.Equal($"{1000 + count - 1}", alarm.Cases[^1].StudyId);
        Assert.True(alarm.Cases.Count(c => c.StudyId.Length == 4) * 2 > alarm.Cases.Count);
        // What came is the new normal: one alarm, no storm.
        for (var n = 0; n < 1000; n++)
        {
            Assert.Null(detector.Observe(Case(n, Near(0.85 + shift, random)), Tie(random)));
        }
    }

    [Fact]
    public void What_is_remembered_between_cases_is_all_there_is()
    {
        var (one, two) = (new Random(3), new Random(3));
        var whole = new DriftDetector();
        DriftState? state = null;
        for (var n = 0; n < 400; n++)
        {
            var shift = n < 350 ? 0 : -0.1;
            var expected = whole.Observe(Case(n, Near(0.8 + shift, one)), Tie(one));
            var resumed = new DriftDetector(state);
            var actual = resumed.Observe(Case(n, Near(0.8 + shift, two)), Tie(two));
            var json = JsonSerializer.Serialize(resumed.State);
            // One row of a database.
            Assert.InRange(json.Length, 1, 12_000);
            state = JsonSerializer.Deserialize<DriftState>(json);
            Assert.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize(actual));
        }
    }

    private static DriftCase Case(int n, double value) => new($"{n}", 1, value);

    private static double Tie(Random random) => (random.Next(1 << 20) + 0.5) / (1 << 20);

    private static double Near(double mean, Random random) =>
        mean
        + 0.03
            * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble());

    private static double Draw(string kind, Random random) =>
        kind switch
        {
            "near one" => 1 - 0.2 * Math.Pow(random.NextDouble(), 3),
            "uniform" => random.NextDouble(),
            "two values" => random.NextDouble() < 0.05 ? 0.2 : 0.9,
            "constant" => 0.9,
            _ => Near(random.NextDouble() < 0.3 ? 0.6 : 0.85, random),
        };
}
