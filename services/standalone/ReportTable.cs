using Platform.Contracts;
using Spectre.Console;

namespace Platform.Standalone;

/// <summary>A report as a person reads it in a terminal.</summary>
public static class ReportTable
{
    /// <summary>One table a segmentation, then where the files are.</summary>
    public static void Print(StudyReport report, IAnsiConsole console)
    {
        foreach (var output in report.Outputs)
        {
            if (output.Plan.NotApplicable is { } reason)
            {
                console.MarkupLineInterpolated(
                    $"[yellow]{output.Plan.Model}[/] on {output.Plan.Series}: not applicable ({reason})"
                );
            }
            else if (output.Quality is { } quality)
            {
                Print(output.Plan, quality, console);
            }
        }
        foreach (var series in report.Series)
        {
            if (series.Alignment is { Anchor: { } anchor } alignment)
            {
                console.MarkupLineInterpolated(
                    alignment.Outcome == AlignmentOutcome.Aligned
                        ? (FormattableString)
                            $"[grey]{series.Series} aligned to {anchor}: moved {alignment.ShiftMm:f1} mm, turned {alignment.RotationDegrees:f1}°[/]"
                        : $"[yellow]{series.Series} not aligned to {anchor}: {alignment.Detail}[/]"
                );
            }
        }
        foreach (var refused in report.RefusedSeries)
        {
            console.MarkupLineInterpolated(
                $"[yellow]left out[/] ({refused.Reason}): {refused.Detail}"
            );
        }
        if (report.NotForDiagnosis)
        {
            console.MarkupLine(
                "[red]Outputs made from a super-resolved volume are NOT FOR DIAGNOSIS.[/]"
            );
        }
        var seconds = string.Join(
            ", ",
            report.Seconds.Select(stage => $"{stage.Key} {stage.Value:f1} s")
        );
        console.MarkupLine(
            $"Verdict {Colour(report.Verdict)}{report.Verdict}[/]  ({Markup.Escape(seconds)})"
        );
    }

    private static void Print(PlannedOutput plan, SegmentationQuality quality, IAnsiConsole console)
    {
        var table = new Table
        {
            Border = TableBorder.Rounded,
            Title = new TableTitle(Markup.Escape($"{plan.Model} on {plan.Series}")),
        };
        table.AddColumns(
            "structure",
            "volume (ml)",
            "predicted Dice",
            "interval",
            "surface off by (mm)",
            "verdict"
        );
        table.Columns[1].RightAligned();
        table.Columns[2].RightAligned();
        table.Columns[4].RightAligned();
        foreach (var structure in quality.Structures)
        {
            table.AddRow(
                Markup.Escape(structure.Name),
                $"{structure.VolumeMl:f1}",
                structure.PredictedDice is { } dice ? $"{dice:f2}" : "–",
                structure is { IntervalLow: { } low, IntervalHigh: { } high }
                    ? $"{low:f2} … {high:f2}"
                    : "–",
                structure.PredictedMeanSurfaceDistanceMm is { } mm ? $"{mm:f1}" : "–",
                $"{Colour(structure.Verdict)}{structure.Verdict}[/]"
            );
        }
        console.Write(table);
        var set = quality.ReferenceSet is { } name
            ? $"{quality.References} references of {name}"
            : "no reference set";
        console.MarkupLineInterpolated(
            $"[grey]{quality.Method}, {set}{(plan.NotForDiagnosis ? ", not for diagnosis" : "")}[/]"
        );
    }

    private static string Colour(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => "[green]",
            Verdict.Fail => "[red]",
            _ => "[yellow]",
        };
}
