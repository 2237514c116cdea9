using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Edge;

/// <summary>
/// The agent's memory: its place in Orthanc's changes, and a file a study. A file is written beside its place, flushed and given its name, so that there is
/// always a whole one. Studies with which the agent is done are moved away and only read again where something of them changes.
/// </summary>
internal sealed class StudyLedger : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TenantDirectory _pseudonyms;
    private readonly TimeProvider _time;
    private readonly string _root;
    private readonly string _studies;
    private readonly string _settled;
    private readonly FileStream _owner;
    private readonly ConcurrentDictionary<string, StudyRecord> _active = new();

    /// <exception cref="IOException">Another agent works on the folder.</exception>
    public StudyLedger(IOptions<EdgeOptions> options, TenantDirectory pseudonyms, TimeProvider time)
    {
        (_pseudonyms, _time, _root) = (pseudonyms, time, options.Value.StatePath);
        _studies = Directory.CreateDirectory(Path.Combine(_root, "studies")).FullName;
        _settled = Directory.CreateDirectory(Path.Combine(_root, "settled")).FullName;
        _owner = new FileStream(
            Path.Combine(_root, "owner"),
            FileMode.OpenOrCreate,
            FileAccess.ReadWrite,
            FileShare.None
        );
        foreach (var file in Directory.EnumerateFiles(_studies, "*.json"))
        {
            var record = Read(file);
            _active[record.Id] = record;
        }
    }

    /// <summary>The last of Orthanc's changes that was taken note of.</summary>
    public long Place
    {
        get =>
            File.Exists(PlaceFile)
                ? long.Parse(File.ReadAllText(PlaceFile), CultureInfo.InvariantCulture)
                : 0;
        set => Write(PlaceFile, value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Studies with which the agent is not done.</summary>
    public IReadOnlyCollection<StudyRecord> Active => [.. _active.Values];

    private string PlaceFile => Path.Combine(_root, "place");

    /// <summary>An instance of the study came.</summary>
    public void Touch(string orthanc)
    {
        var id = _pseudonyms.PseudonymOf(EdgeService.Tenant, $"orthanc:{orthanc}");
        lock (_lock)
        {
            var settled = Path.Combine(_settled, $"{id}.json");
            var record =
                Find(id)
                ?? (File.Exists(settled) ? Read(settled) : null)
                ?? new StudyRecord
                {
                    Id = id,
                    Orthanc = orthanc,
                    Since = _time.GetUtcNow(),
                };
            if (!_active.ContainsKey(id) || !record.Changed)
            {
                Keep(record with { Changed = true });
            }
            File.Delete(settled);
        }
    }

    /// <summary>The study, or null where none with which the agent is not done is called this.</summary>
    public StudyRecord? Find(string id) => _active.GetValueOrDefault(id);

    /// <summary>Changes what is known of a study; on the disk when this returns.</summary>
    public StudyRecord Update(string id, Func<StudyRecord, StudyRecord> change)
    {
        lock (_lock)
        {
            return Keep(change(_active[id]));
        }
    }

    /// <summary>A study is sent again from the start.</summary>
    public StudyRecord Retry(string id) =>
        Update(
            id,
            now =>
                now with
                {
                    Changed = true,
                    Reason = null,
                    Done = [],
                    Refused = 0,
                    Held = 0,
                    SentAt = null,
                }
        );

    /// <summary>The agent is done with a study that has not changed.</summary>
    public void Settle(string id)
    {
        lock (_lock)
        {
            if (_active[id].Changed || !_active.TryRemove(id, out _))
            {
                return;
            }
            File.Move(FileOf(id), Path.Combine(_settled, $"{id}.json"), overwrite: true);
        }
    }

    public void Dispose() => _owner.Dispose();

    private StudyRecord Keep(StudyRecord record)
    {
        Write(FileOf(record.Id), JsonSerializer.Serialize(record, PlatformJson.Options));
        return _active[record.Id] = record;
    }

    private string FileOf(string id) => Path.Combine(_studies, $"{id}.json");

    private static StudyRecord Read(string file) =>
        JsonSerializer.Deserialize<StudyRecord>(File.ReadAllText(file), PlatformJson.Options)!;

    private static void Write(string path, string text)
    {
        var draft = $"{path}.draft";
        using (var file = new FileStream(draft, FileMode.Create))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path, overwrite: true);
    }
}
