using System.ComponentModel.DataAnnotations;
using Platform.Dicom.Deidentification;

namespace Platform.Ingest;

/// <summary>Section "Ingest": the limits of what is received, when a study is complete, and what is taken out of its instances.</summary>
public sealed class IngestOptions
{
    /// <summary>Most bytes one upload, or one DICOM instance, may have. Default 4 GiB.</summary>
    [Range(1024, long.MaxValue)]
    public long MaxStudyBytes { get; init; } = 4L << 30;

    /// <summary>Most files one study may have. Default 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxFiles { get; init; } = 10_000;

    /// <summary>Folder for the nameless files in which lies what is on its way in. Default: the system's temporary folder.</summary>
    [Required]
    public string SpoolPath { get; init; } = Path.GetTempPath();

    /// <summary>Free bytes the spool's disk must have; below, nothing more is taken in until there are. Default 1 GiB.</summary>
    [Range(0, long.MaxValue)]
    public long MinFreeBytes { get; init; } = 1L << 30;

    /// <summary>Files of one sender written to the blob store at a time. Default 4.</summary>
    [Range(1, 64)]
    public int ParallelWrites { get; init; } = 4;

    /// <summary>How long the broker may take to confirm; afterwards the study is left to the reconciler. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:05:00")]
    public TimeSpan PublishTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often studies are looked at whose instances arrive one by one. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:10:00")]
    public TimeSpan CloseEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A study is complete that long after its last instance came. Default one minute.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "1.00:00:00")]
    public TimeSpan QuietTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A study is complete that long after its first instance came, however many still come: they make its next revision. Default half an hour.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "7.00:00:00")]
    public TimeSpan HardCap { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>What is taken out of DICOM instances, and what may stay.</summary>
    public DeidentificationPolicy Deidentification { get; init; } = new();

    /// <summary>What single tenants have otherwise.</summary>
    public List<TenantIntakeOptions> Tenants { get; init; } = [];

    internal TimeSpan QuietTimeOf(string tenant) => Of(tenant)?.QuietTime ?? QuietTime;

    internal TimeSpan HardCapOf(string tenant) => Of(tenant)?.HardCap ?? HardCap;

    internal DeidentificationPolicy DeidentificationOf(string tenant) =>
        Of(tenant)?.Deidentification ?? Deidentification;

    private TenantIntakeOptions? Of(string tenant) => Tenants.Find(one => one.Name == tenant);
}

/// <summary>Section "Ingest:Tenants:{n}"; what is not set is as for all.</summary>
public sealed class TenantIntakeOptions
{
    /// <summary>The tenant.</summary>
    [Required]
    public string Name { get; init; } = "";

    /// <inheritdoc cref="IngestOptions.QuietTime"/>
    public TimeSpan? QuietTime { get; init; }

    /// <inheritdoc cref="IngestOptions.HardCap"/>
    public TimeSpan? HardCap { get; init; }

    /// <inheritdoc cref="IngestOptions.Deidentification"/>
    public DeidentificationPolicy? Deidentification { get; init; }
}
