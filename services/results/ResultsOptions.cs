using System.ComponentModel.DataAnnotations;

namespace Platform.Results;

/// <summary>Which database holds the read model.</summary>
public enum ResultsDatabase
{
    /// <summary>A file: for one process.</summary>
    Sqlite,

    /// <summary>A server: for several replicas.</summary>
    PostgreSql,
}

/// <summary>Section "Results".</summary>
public sealed class ResultsOptions
{
    /// <summary>Sqlite or PostgreSql.</summary>
    public ResultsDatabase Database { get; init; } = ResultsDatabase.Sqlite;

    /// <summary>The database's connection string.</summary>
    [Required]
    public string ConnectionString { get; init; } = "Data Source=results.db";

    /// <summary>Connections a process opens to PostgreSQL at most; the server's 100 are shared by all replicas.</summary>
    [Range(2, 1000)]
    public int Connections { get; init; } = 20;

    /// <summary>Whether this process reconciles; one replica that does is enough.</summary>
    public bool Reconcile { get; init; } = true;

    /// <summary>A study whose blobs have not changed for this long is looked at by the reconciler; doubled for each further look.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "1.00:00:00")]
    public TimeSpan ReconcileAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How often the reconciler walks the open markers.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "1.00:00:00")]
    public TimeSpan ReconcileEvery { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>An upload that never finished is forgotten after this long.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "365.00:00:00")]
    public TimeSpan AbandonAfter { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How often watchers and the event pump look for what other replicas wrote; what this process writes they see at once.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The topic exchange that carries CloudEvents to other systems.</summary>
    [Required]
    public string EventsExchange { get; init; } = "platform.events";
}
