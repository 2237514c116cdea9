using System.Text.Json.Serialization;

namespace Platform.Contracts;

/// <summary>plan.json, written by preprocessing: the series found and every output the revision must have.</summary>
public sealed record StudyPlan
{
    /// <summary>Whose study.</summary>
    public required StudyContext Study { get; init; }

    /// <summary>Digest of the manifest's items.</summary>
    public required string InputDigest { get; init; }

    /// <summary>The platform's version that made the plan.</summary>
    public required string CodeVersion { get; init; }

    /// <summary>The volumes found in the study.</summary>
    public required IReadOnlyList<PlannedSeries> Series { get; init; }

    /// <summary>What was received and is no volume; a study that has nothing else is rejected.</summary>
    public IReadOnlyList<RefusedSeries> RefusedSeries { get; init; } = [];

    /// <summary>What the models shall make of them, in an order in which inputs come before what is made from them.</summary>
    public required IReadOnlyList<PlannedOutput> Outputs { get; init; }

    /// <summary>Seconds preprocessing took.</summary>
    public double Seconds { get; init; }
}

/// <summary>Received files that make no volume, beside others that do: a localiser among a study's series.</summary>
/// <param name="Source">What they are, never by a name: "series 2 of 3, 3 instances".</param>
/// <param name="Reason">For machines.</param>
/// <param name="Detail">For people: the source, the value, what to do.</param>
public sealed record RefusedSeries(string Source, RejectionReason Reason, string Detail);

/// <summary>A series as preprocessing stored it.</summary>
public sealed record PlannedSeries
{
    /// <summary>Identifier within the study: "s1", "s2", …</summary>
    public required string Series { get; init; }

    /// <summary>
    /// What tells the volume from others of one received series: "echo time 4.92 ms", "phase"; null where it is the only one.
    /// </summary>
    public string? Part { get; init; }

    /// <summary>Voxels along R, A, S of the canonical volume.</summary>
    public required IReadOnlyList<int> Shape { get; init; }

    /// <summary>Spacing along R, A, S in mm.</summary>
    public required IReadOnlyList<double> SpacingMm { get; init; }

    /// <summary>How many volumes one after another: above 1 for a time series, whose volume and labels are 4D; shape and spacing are those of one.</summary>
    public int Frames { get; init; } = 1;

    /// <summary>
    /// When each frame of a time series was taken, ms, ascending: after the R wave for a cine, else after the first. Null where the received files do
    /// not say, and for a single volume.
    /// </summary>
    public IReadOnlyList<double>? FrameTimesMs { get; init; }

    /// <summary>From one frame to the next, ms: the mean; null where <see cref="FrameTimesMs"/> is.</summary>
    [JsonIgnore]
    public double? FrameIntervalMs =>
        FrameTimesMs is [var first, .., var last]
            ? (last - first) / (FrameTimesMs.Count - 1)
            : null;

    /// <summary>Axis codes of the received image, for example "LAS": downloads are turned back to it.</summary>
    public required string ReceivedOrientation { get; init; }

    /// <summary>SHA-256 of the canonical volume's stored bytes.</summary>
    public required string VolumeDigest { get; init; }

    /// <summary>Manufacturer and model of the scanner; null where the received files do not say.</summary>
    public string? Scanner { get; init; }

    /// <summary>What the image looks like; null in a plan of an earlier version.</summary>
    public SeriesStatistics? Statistics { get; init; }

    /// <summary>How it was aligned with the study's other series; null where it is the only one, or none were to be.</summary>
    public SeriesAlignment? Alignment { get; init; }
}

/// <summary>What an image looks like, each number from 0 to 1 and free of the intensities' scale. Drift is told by them.</summary>
/// <param name="Noise">Standard deviation of the noise over the range of the foreground's intensities.</param>
/// <param name="Brightness">Where in that range the median lies: another contrast has another.</param>
/// <param name="Foreground">Share of the voxels that are not background.</param>
public sealed record SeriesStatistics(double Noise, double Brightness, double Foreground);

/// <summary>What a planned output is.</summary>
public enum OutputKind
{
    /// <summary>Labels, followed by a quality prediction.</summary>
    Segmentation,

    /// <summary>A volume with thinner slices.</summary>
    SuperResolution,
}

/// <summary>One output a revision must have.</summary>
public sealed record PlannedOutput
{
    /// <summary>What it is.</summary>
    public required OutputKind Kind { get; init; }

    /// <summary>The series it is named by; a segmentation of a super-resolved volume is named "{series}-sr".</summary>
    public required string Series { get; init; }

    /// <summary>The received series it derives from.</summary>
    [JsonIgnore]
    public string ReceivedSeries => Series.Split('-')[0];

    /// <summary>The model as name@version.</summary>
    public required string Model { get; init; }

    /// <summary>The blob the model reads.</summary>
    public required string Input { get; init; }

    /// <summary>The blob the model writes.</summary>
    public required string Output { get; init; }

    /// <summary>True where the output is, or derives from, a super-resolved volume. Nothing downstream may clear it.</summary>
    public bool NotForDiagnosis { get; init; }

    /// <summary>Set where the output was refused in planning; then nothing waits for it.</summary>
    public RejectionReason? NotApplicable { get; init; }
}
