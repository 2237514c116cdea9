using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>
/// The predicted quality of every site's cases by every model, each a stream of its own: the mean predicted Dice over a segmentation's
/// structures. Its memory is one row a stream, changed in the transaction that records the report: a report told twice counts once.
/// </summary>
internal static class QualityDrift
{
    /// <summary>What is watched.</summary>
    public const string Measure = "predicted-dice";

    /// <summary>The same of segmentations of super-resolved volumes, which are worse by nature.</summary>
    public const string SuperResolvedMeasure = "predicted-dice-super-resolved";

    /// <summary>Takes a report that is told for the first time into account.</summary>
    /// <returns>The alarms it sets off.</returns>
    public static async Task<IReadOnlyList<ChangeEvent>> ObserveAsync(
        ResultsDb db,
        StudyReport report,
        CancellationToken cancellationToken
    )
    {
        var alarms = new List<ChangeEvent>();
        foreach (var output in report.Outputs)
        {
            double[] predicted =
            [
                .. output.Quality?.Structures.Select(s => s.PredictedDice).OfType<double>() ?? [],
            ];
            if (predicted.Length == 0)
            {
                continue;
            }
            var (tenant, site, model) = (report.Study.Tenant, report.Study.Site, output.Plan.Model);
            var measure = output.Plan.NotForDiagnosis ? SuperResolvedMeasure : Measure;
            var stored = await db
                .Drifts.AsNoTracking()
                .SingleOrDefaultAsync(
                    d =>
                        d.Tenant == tenant
                        && d.Site == site
                        && d.Model == model
                        && d.Measure == measure,
                    cancellationToken
                );
            var detector = new DriftDetector(
                stored is null
                    ? null
                    : JsonSerializer.Deserialize<DriftState>(
                        stored.State,
                        JsonSerializerOptions.Web
                    )
            );
            var alarm = detector.Observe(
                new(report.Study.StudyId, report.Study.Revision, predicted.Average()),
                Tie(report.Study, output.Plan)
            );
            var state = JsonSerializer.Serialize(detector.State, JsonSerializerOptions.Web);
            await db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO drifts (tenant, site, model, measure, state)
                VALUES ({tenant}, {site}, {model}, {measure}, {state})
                ON CONFLICT (tenant, site, model, measure) DO UPDATE SET state = excluded.state
                """,
                cancellationToken
            );
            if (alarm is not null)
            {
                alarms.Add(DriftEvent.Of(report, output.Plan, measure, alarm));
            }
        }
        return alarms;
    }

    /// <summary>As uniform as a hash, and the same for the same output.</summary>
    private static double Tie(StudyContext study, PlannedOutput output)
    {
        var hash = SHA256.HashData(
            Encoding.UTF8.GetBytes(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{study.StudyId}-r{study.Revision}-{output.Series}-{output.Model}"
                )
            )
        );
        return (BinaryPrimitives.ReadUInt32LittleEndian(hash) + 0.5) / (1L << 32);
    }
}
