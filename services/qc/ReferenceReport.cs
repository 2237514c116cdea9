using System.Globalization;
using System.Text;
using Platform.Contracts;

namespace Platform.Qc;

/// <summary>report.md of an evaluated reference set: one page with three plots.</summary>
internal static class ReferenceReport
{
    /// <summary>The Dice that parts good from bad in the accuracy, as published.</summary>
    private const double Good = 0.7;

    public static void Write(
        string folder,
        ReferenceSetManifest set,
        IReadOnlyDictionary<int, Calibration> byNearest,
        IReadOnlyList<HeldOutSample> heldOut,
        IReadOnlyList<EvaluatedReference> references
    )
    {
        var calibration = byNearest[byNearest.Keys.Max()];
        DrawPredicted(heldOut).Save(Path.Combine(folder, "predicted.png"));
        DrawRisk(heldOut).Save(Path.Combine(folder, "risk.png"));
        DrawCoverage(calibration).Save(Path.Combine(folder, "coverage.png"));
        var accuracy = heldOut.Average(h =>
            h.Predicted >= Good == h.Sample.RealDice >= Good ? 1.0 : 0
        );
        var good = heldOut.Average(h => h.Sample.RealDice >= Good ? 1.0 : 0);
        var registered = set.Nearest is { } k ? $"the {k} most like it" : "all others";
        var structures = calibration.Structures.Select(s =>
            Row(
                $"{s.Key}",
                $"{s.Value.Samples}",
                $"{s.Value.Correlation:f3}",
                $"{s.Value.RawMeanAbsoluteError:f3}",
                $"{s.Value.MeanAbsoluteError:f3}",
                $"{s.Value.Coverage:f2}"
            )
        );
        var fewer = byNearest
            .OrderBy(of => of.Key)
            .Select(of =>
                Row(
                    $"{of.Key}",
                    $"{of.Value.Correlation:f3}",
                    $"{of.Value.MeanAbsoluteError:f3}",
                    $"{of.Value.Covered:f2}"
                )
            );
        var cases = references.Select(r =>
        {
            var own = heldOut.Where(h => h.Sample.Reference == r.Number - 1).ToList();
            return Row(
                $"{r.Number:00}",
                $"{r.Registered}",
                $"{r.Failed}",
                own.Count == 0
                    ? r.Strange
                        ? "strange: registers with none"
                        : "–"
                    : $"{own.Average(h => Math.Abs(h.Predicted - h.Sample.RealDice)):f3}",
                $"{r.Seconds:f1}"
            );
        });
        File.WriteAllText(
            Path.Combine(folder, "report.md"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                # {set.Id}: how well it predicts

                {set.Description}

                Each of the {references.Count} references was left out in turn, its labels degraded to {ReferenceSetBuilder.Severities.Length} severities, and their Dice predicted from {registered},
                by the {calibration.Classifier} reverse classifier and maps that never saw it. `./platform references evaluate` writes this page.

                | | |
                |---|---|
                | structures × segmentations | {heldOut.Count}, {100
                    * good:f0} % of them with real Dice of {Good} or more |
                | correlation of predicted and real Dice | {calibration.Correlation:f3} |
                | mean absolute error | {calibration.MeanAbsoluteError:f3} |
                | good or bad told right, at {Good} | {100 * accuracy:f1} % |
                | {100 * Calibration.Coverage:f0} % interval covers | {100
                    * calibration.Covered:f1} % |
                | mean loss, 1 − Dice: all; the half predicted best | {Risk(heldOut, 1):f3}; {Risk(
                    heldOut,
                    0.5
                ):f3} |
                | seconds a case | {references.Average(r =>
                    r.Seconds
                ):f1}, {Environment.ProcessorCount} cores |

                ![predicted](predicted.png) ![risk](risk.png) ![coverage](coverage.png)

                Left: predicted (up) against real Dice (across), with the identity. Middle: mean loss (up) of the share of segmentations predicted best (across), blue;
                what knowing the real Dice would give, grey. Right: share of real Dice inside the interval by structure (label value), and the share it is to be.

                | structure | n | r | MAE, raw mean of the best | MAE | interval covers |
                |---|---|---|---|---|---|
                {string.Join('\n', structures)}

                Had only the nearest so many of the registered references counted:

                | references | r | MAE | interval covers |
                |---|---|---|---|
                {string.Join('\n', fewer)}

                A reference that hardly registers with the others, or errs more than they, may show other anatomy or have wrong labels; one that registers with none is left out.

                | reference | registered | failed | MAE | seconds |
                |---|---|---|---|---|
                {string.Join('\n', cases)}

                """
            ),
            new UTF8Encoding(false)
        );
    }

    /// <summary>Mean of 1 − Dice over the share of segmentations that rank best.</summary>
    private static double Risk(
        IReadOnlyList<HeldOutSample> heldOut,
        double share,
        Func<HeldOutSample, double>? rank = null
    ) =>
        heldOut
            .OrderByDescending(rank ?? (h => h.Predicted))
            .Take(Math.Max(1, (int)Math.Round(share * heldOut.Count)))
            .Average(h => 1 - h.Sample.RealDice);

    private static Plot DrawPredicted(IReadOnlyList<HeldOutSample> heldOut)
    {
        var plot = new Plot();
        plot.Line((0, 0), (1, 1), Plot.Grey);
        foreach (var held in heldOut)
        {
            plot.Point((held.Sample.RealDice, held.Predicted), Plot.Blue);
        }
        return plot;
    }

    private static Plot DrawRisk(IReadOnlyList<HeldOutSample> heldOut)
    {
        var plot = new Plot();
        Curve(h => h.Sample.RealDice, Plot.Grey);
        Curve(h => h.Predicted, Plot.Blue);
        return plot;

        void Curve(Func<HeldOutSample, double> rank, Colour colour)
        {
            const int Steps = 50;
            for (var n = 1; n < Steps; n++)
            {
                var (a, b) = ((double)n / Steps, (n + 1.0) / Steps);
                plot.Line((a, Risk(heldOut, a, rank)), (b, Risk(heldOut, b, rank)), colour);
            }
        }
    }

    private static Plot DrawCoverage(Calibration calibration)
    {
        var plot = new Plot([.. calibration.Structures.Keys.Select(label => $"{label}")]);
        var number = 0;
        foreach (var structure in calibration.Structures.Values)
        {
            plot.Bar(number++, structure.Coverage, Plot.Blue);
        }
        plot.Line((0, Calibration.Coverage), (1, Calibration.Coverage), Plot.Grey);
        return plot;
    }

    private static string Row(params string[] cells) => $"| {string.Join(" | ", cells)} |";
}
