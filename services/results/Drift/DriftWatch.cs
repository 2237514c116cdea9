using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>
/// Every site's scanners, model by model, each a <see cref="DriftStream"/> of its own; so are the segmentations of super-resolved volumes, which are
/// worse by nature. A stream's memory is one row, changed in the transaction that records the report: a report told twice counts once.
/// </summary>
internal static class DriftWatch
{
    /// <summary>Takes a report that is told for the first time into account.</summary>
    /// <returns>The alarms it sets off, one a stream at most.</returns>
    public static async Task<IReadOnlyList<ChangeEvent>> ObserveAsync(
        ResultsDb db,
        StudyReport report,
        CancellationToken cancellationToken
    )
    {
        var alarms = new List<ChangeEvent>();
        foreach (var output in report.Outputs.Where(o => o.Quality is not null))
        {
            var series = report.Series.FirstOrDefault(s => s.Series == output.Plan.ReceivedSeries);
            var values = Values(output, series);
            if (values.Count == 0)
            {
                continue;
            }
            var (tenant, site, model) = (report.Study.Tenant, report.Study.Site, output.Plan.Model);
            var scanner = series?.Scanner ?? "";
            var resolved = output.Plan.NotForDiagnosis;
            var stored = await db
                .DriftStreams.AsNoTracking()
                .SingleOrDefaultAsync(
                    d =>
                        d.Tenant == tenant
                        && d.Site == site
                        && d.Scanner == scanner
                        && d.Model == model
                        && d.SuperResolved == resolved,
                    cancellationToken
                );
            var stream = new DriftStream(
                stored is null
                    ? new Dictionary<string, DriftState>()
                    : JsonSerializer.Deserialize<Dictionary<string, DriftState>>(
                        stored.State,
                        JsonSerializerOptions.Web
                    )!
            );
            var alarm = stream.Observe(
                report.Study.StudyId,
                report.Study.Revision,
                values,
                measure => Tie(report.Study, output.Plan, measure)
            );
            var state = JsonSerializer.Serialize(stream.State, JsonSerializerOptions.Web);
            await db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO drift_streams (tenant, site, scanner, model, super_resolved, state)
                VALUES ({tenant}, {site}, {scanner}, {model}, {resolved}, {state})
                ON CONFLICT (tenant, site, scanner, model, super_resolved) DO UPDATE SET state = excluded.state
                """,
                cancellationToken
            );
            if (alarm is var (measure, found))
            {
                alarms.Add(DriftEvent.Of(report, output.Plan, series?.Scanner, measure, found));
            }
        }
        return alarms;
    }

    /// <summary>What is known of a case. Images of super-resolved volumes are watched where they were received.</summary>
    private static Dictionary<string, double> Values(ReportedOutput output, PlannedSeries? series)
    {
        var values = new Dictionary<string, double>();
        double[] predicted =
        [
            .. output.Quality!.Structures.Select(s => s.PredictedDice).OfType<double>(),
        ];
        if (predicted.Length > 0)
        {
            values[DriftMeasure.PredictedDice] = predicted.Average();
        }
        if (!output.Plan.NotForDiagnosis && series?.Statistics is { } statistics)
        {
            values[DriftMeasure.Noise] = statistics.Noise;
            values[DriftMeasure.Brightness] = statistics.Brightness;
            values[DriftMeasure.Foreground] = statistics.Foreground;
            var volume = series.SpacingMm.Aggregate(1.0, (product, mm) => product * mm);
            values[DriftMeasure.VoxelSize] = volume / (1 + volume);
        }
        return values;
    }

    /// <summary>As uniform as a hash, and the same for the same output.</summary>
    private static double Tie(StudyContext study, PlannedOutput output, string measure)
    {
        var hash = SHA256.HashData(
            Encoding.UTF8.GetBytes(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{study.StudyId}-r{study.Revision}-{output.Series}-{output.Model}-{measure}"
                )
            )
        );
        return (BinaryPrimitives.ReadUInt32LittleEndian(hash) + 0.5) / (1L << 32);
    }
}
