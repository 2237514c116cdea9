namespace Platform.Qc.Tests;

public sealed class CalibrationTests
{
    [Fact]
    public void A_score_that_reads_too_low_is_mapped_to_the_real_dice()
    {
        var fit = Calibration.Fit(Samples(x => Math.Min(1, 1.25 * x), noise: 0.03));
        Assert.Equal(0.625, fit.For(10).Map(0.5), 0.04);
        Assert.Equal(0.875, fit.For(10).Map(0.7), 0.04);
        Assert.True(fit.For(10).MeanAbsoluteError < 0.5 * fit.For(10).RawMeanAbsoluteError);
        Assert.True(fit.For(10).Correlation > 0.95);
    }

    [Fact]
    public void The_map_never_falls()
    {
        var random = new Random(4);
        var fit = Calibration.Fit(Samples(_ => random.NextDouble(), noise: 0));
        var last = double.NegativeInfinity;
        for (var score = 0.0; score <= 1; score += 0.01)
        {
            Assert.True(fit.Pooled.Map(score) >= last);
            last = fit.Pooled.Map(score);
        }
    }

    [Fact]
    public void The_interval_covers_nine_in_ten_new_cases()
    {
        var fit = Calibration.Fit(Samples(x => x * x, noise: 0.1));
        var covered = Samples(x => x * x, noise: 0.1, seed: 99)
            .Average(s =>
            {
                var (low, high) = fit.Pooled.Interval(s.Score);
                return s.RealDice >= low && s.RealDice <= high ? 1.0 : 0.0;
            });
        Assert.InRange(covered, 0.86, 0.95);
    }

    [Fact]
    public void The_interval_holds_the_prediction_and_stays_between_zero_and_one()
    {
        var fit = Calibration.Fit(Samples(x => x, noise: 0.2)).Pooled;
        for (var score = 0.0; score <= 1; score += 0.05)
        {
            var of = new StructureScore(score, score, score - 0.2, score + 0.02);
            var (low, high) = fit.Interval(of);
            Assert.InRange(low, 0, fit.Map(score));
            Assert.InRange(high, fit.Map(score), 1);
        }
    }

    [Fact]
    public void A_structure_with_few_samples_takes_the_pooled_map_and_has_figures_of_its_own()
    {
        var many = Samples(x => x, noise: 0.05);
        var few = Samples(x => 0.5 * x, noise: 0, seed: 2)
            .Take(30)
            .Select(s => s with { Label = 17 });
        var fit = Calibration.Fit([.. many, .. few]);
        Assert.Equal(fit.Pooled.Map(0.6), fit.For(17).Map(0.6));
        Assert.Equal(fit.Pooled.Margin, fit.For(17).Margin);
        Assert.NotEqual(fit.Pooled.Map(0.6), fit.For(10).Map(0.6));
        Assert.Equal((400, 30), (fit.For(10).Samples, fit.For(17).Samples));
        Assert.True(fit.For(17).MeanAbsoluteError > 3 * fit.For(10).MeanAbsoluteError);
        Assert.Same(fit.Pooled, fit.For(99));
    }

    [Fact]
    public void Figures_over_all_structures_are_those_of_the_left_out_samples()
    {
        var (fit, held) = Calibration.Evaluate(Samples(x => x * x, noise: 0.2), nearest: 3);
        Assert.Equal(3, fit.Nearest);
        Assert.Equal(400, held.Count);
        Assert.Equal(
            held.Average(h => Math.Abs(h.Predicted - h.Sample.RealDice)),
            fit.MeanAbsoluteError!.Value,
            12
        );
        Assert.Equal(held.Average(h => h.Covered ? 1.0 : 0), fit.Covered!.Value, 12);
        Assert.InRange(fit.Covered.Value, 0.88, 0.93);
        Assert.All(held, h => Assert.InRange(h.Predicted, h.Low, h.High));
    }

    [Fact]
    public void Scores_are_boiled_down_to_the_published_and_the_unbiased_estimate()
    {
        var score = StructureScore.Of([0.2, 0.8, 0.7, 0.9, 0.1]);
        Assert.Equal(0.9, score.Max);
        Assert.Equal(0.8, score.Best, 9);
        Assert.Equal(0.5, score.Low, 9);
        Assert.Equal(0.88, score.High, 9);
        // Of twenty the best four.
        var twenty = StructureScore.Of([.. Enumerable.Range(1, 20).Select(n => n / 20.0)]);
        Assert.Equal((1 + 0.95 + 0.9 + 0.85) / 4, twenty.Best, 9);
    }

    private static List<CalibrationSample> Samples(
        Func<double, double> real,
        double noise,
        int seed = 1
    )
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 400)
                .Select(n =>
                {
                    var score = random.NextDouble();
                    var dice = real(score) + noise * 2 * (random.NextDouble() - 0.5);
                    return new CalibrationSample(
                        n % 10,
                        10,
                        new(score + 0.02, score, score - 0.02, score + 0.02),
                        Math.Clamp(dice, 0, 1)
                    );
                }),
        ];
    }
}
