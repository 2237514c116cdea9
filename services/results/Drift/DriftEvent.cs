using Platform.Contracts;

namespace Platform.Results;

/// <summary>A scanner's images, or results by a model on them, are no longer what they were; described by Schemas/drift-event.v1.json.</summary>
public static class DriftEvent
{
    /// <summary>Names the JSON Schema of envelope and data.</summary>
    public const string Schema = "urn:platform:drift-event:v1";

    /// <summary>The event's type.</summary>
    public const string Type = "platform.quality.drifted";

    /// <summary>An alarm.</summary>
    /// <param name="report">The report that set it off.</param>
    /// <param name="output">Its output that did.</param>
    /// <param name="scanner">What made the image; null where that is not known.</param>
    /// <param name="measure">What was watched.</param>
    /// <param name="alarm">What was found.</param>
    public static ChangeEvent Of(
        StudyReport report,
        PlannedOutput output,
        string? scanner,
        string measure,
        DriftAlarm alarm
    ) =>
        new()
        {
            Tenant = report.Study.Tenant,
            Id =
                $"drift-{report.Study.StudyId}-r{report.Study.Revision}-{output.Series}-{output.Model}",
            Type = Type,
            Subject = $"/sites/{Uri.EscapeDataString(report.Study.Site)}/models/{output.Model}",
            Schema = Schema,
            Time = report.CompletedAt,
            Data = new DriftEventData
            {
                Tenant = report.Study.Tenant,
                Site = report.Study.Site,
                Scanner = scanner,
                Model = output.Model,
                SuperResolved = output.NotForDiagnosis,
                Measure = measure,
                Direction = alarm.Direction,
                MedianBefore = alarm.Before,
                Seen = alarm.Seen,
                Cases =
                [
                    .. alarm.Cases.Select(c => new DriftEventCase
                    {
                        StudyId = c.StudyId,
                        StudyRevision = c.Revision,
                        Value = Math.Round(c.Value, 4),
                    }),
                ],
            },
        };
}

/// <summary>The data of a <see cref="DriftEvent"/>. Members are added, never renamed or removed.</summary>
public sealed record DriftEventData
{
    /// <summary>The version of this shape.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>The scanner's site.</summary>
    public required string Site { get; init; }

    /// <summary>Manufacturer and model of the scanner; null where the images do not say.</summary>
    public string? Scanner { get; init; }

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>True where the cases are segmentations of super-resolved volumes.</summary>
    public bool SuperResolved { get; init; }

    /// <summary>What moved first, of <see cref="DriftMeasure"/>.</summary>
    public required string Measure { get; init; }

    /// <summary>Which way.</summary>
    public required DriftDirection Direction { get; init; }

    /// <summary>The median of the cases since the last alarm.</summary>
    public required double MedianBefore { get; init; }

    /// <summary>How many those were.</summary>
    public required int Seen { get; init; }

    /// <summary>The cases that moved it, oldest first.</summary>
    public required IReadOnlyList<DriftEventCase> Cases { get; init; }
}

/// <summary>A case in a <see cref="DriftEventData"/>.</summary>
public sealed record DriftEventCase
{
    /// <summary>The study.</summary>
    public required string StudyId { get; init; }

    /// <summary>The revision.</summary>
    public required int StudyRevision { get; init; }

    /// <summary>What was watched.</summary>
    public required double Value { get; init; }
}
