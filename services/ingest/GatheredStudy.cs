using System.Collections.Concurrent;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>A study during one sender's request.</summary>
internal sealed record GatheredStudy(StudySubmission Submission, string StudyId)
{
    private readonly Lock _gate = new();
    private Task? _first;
    private Task? _all;

    /// <summary>Names of the stored files by their instance, as far as they were looked up.</summary>
    public ConcurrentDictionary<string, string> Names { get; } = new();

    /// <summary>What the sender sent.</summary>
    public ConcurrentBag<ReceivedFile> Files { get; } = [];

    /// <summary>Looks up what is stored: for the first instance that alone, from the second on everything, once.</summary>
    /// <param name="list">Lists; told whether it is the first.</param>
    public async Task LookUpAsync(Func<bool, Task<IReadOnlyList<StoredInstance>>> list)
    {
        Task needed;
        lock (_gate)
        {
            needed = _first is null
                ? _first = AddAsync(list(true))
                : _all ??= AddAsync(list(false));
        }
        await needed;
    }

    private async Task AddAsync(Task<IReadOnlyList<StoredInstance>> listing)
    {
        foreach (var stored in await listing)
        {
            Names.TryAdd(stored.Instance, stored.Item.Name);
        }
    }
}

/// <summary>What became of an instance.</summary>
internal enum InstanceOutcome
{
    /// <summary>Stored.</summary>
    Stored,

    /// <summary>Was there already, the same.</summary>
    Repeated,

    /// <summary>Stored apart, until somebody has looked at its pixels.</summary>
    Held,

    /// <summary>Was there already, with other content, which stays.</summary>
    OtherContent,
}

/// <summary>A stored file of a study.</summary>
/// <param name="Instance">What it is once of: the instance's hashed UID, or the content's digest.</param>
/// <param name="Item">For the manifest.</param>
/// <param name="At">When it was stored.</param>
internal sealed record StoredInstance(string Instance, ReceivedItem Item, DateTimeOffset At)
{
    /// <summary>By its name: see <see cref="ReceivedItem.Name"/>.</summary>
    public static StoredInstance Of(BlobEntry blob, string name, ItemRefusal? refusal)
    {
        var parts = name.Split('.', 2)[0].Split('-');
        var item = new ReceivedItem
        {
            Name = name,
            Bytes = blob.Bytes,
            Sha256 = parts[^1],
            SeriesKey = parts.Length == 3 ? parts[1] : null,
            Refusal = refusal,
        };
        return new(parts[0], item, blob.LastModified);
    }

    /// <summary>What a file of this name is once of.</summary>
    public static string InstanceOf(string name) => name.Split('.', 2)[0].Split('-')[0];
}
