using System.ComponentModel.DataAnnotations;

namespace Platform.Ingest;

/// <summary>Section "Ingest": the limits of one upload.</summary>
public sealed class IngestOptions
{
    /// <summary>Most bytes one study may have, all files together. Default 4 GiB.</summary>
    [Range(1024, long.MaxValue)]
    public long MaxStudyBytes { get; init; } = 4L << 30;

    /// <summary>Most files one study may have. Default 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxFiles { get; init; } = 10_000;

    /// <summary>Folder for the one nameless file an upload is spooled to until it is whole. Default: the system's temporary folder.</summary>
    [Required]
    public string SpoolPath { get; init; } = Path.GetTempPath();

    /// <summary>Files of one study written to the blob store at a time. Default 4.</summary>
    [Range(1, 64)]
    public int ParallelWrites { get; init; } = 4;

    /// <summary>How long the broker may take to confirm; afterwards the study is left to the reconciler. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:05:00")]
    public TimeSpan PublishTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
