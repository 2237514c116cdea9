using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;

namespace Platform.Benchmarks;

/// <summary>
/// One benchmark's results: printed as a table, written to artifacts/bench/NAME.json with the machine, date and commit they were taken on.
/// A row may name a peer measured in the same run; its ratio is value / peer, so below 1 is less time or error than the peer's.
/// </summary>
sealed class BenchTable(string name)
{
    readonly List<BenchRow> _rows = [];

    /// <summary>Adds one measurement.</summary>
    /// <param name="row">What was measured.</param>
    /// <param name="value">The result, in <paramref name="unit"/>.</param>
    /// <param name="unit">"ms", "MB/s", "Dice" ...</param>
    /// <param name="peer">The peer's result in the same unit, where there is one.</param>
    /// <param name="peerName">The peer's name and version, for example "scipy 1.10".</param>
    public void Add(
        string row,
        double value,
        string unit,
        double? peer = null,
        string? peerName = null
    ) =>
        _rows.Add(
            new BenchRow(row, value, unit, peer, peerName, peer is > 0 ? value / peer : null)
        );

    /// <summary>Prints the table and writes the file.</summary>
    /// <returns>The process's exit code: 1 where nothing was measured.</returns>
    public int Finish()
    {
        if (_rows.Count == 0)
        {
            Console.Error.WriteLine($"bench {name}: nothing was measured");
            return 1;
        }
        Print();
        var path = Path.Combine(RepositoryRoot(), "artifacts", "bench", $"{name}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(Document(), BenchJson));
        Console.WriteLine($"written to {Path.GetRelativePath(Environment.CurrentDirectory, path)}");
        return 0;
    }

    static readonly JsonSerializerOptions BenchJson = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = System
            .Text
            .Json
            .Serialization
            .JsonNumberHandling
            .AllowNamedFloatingPointLiterals,
    };

    void Print()
    {
        var table = new Table().Title(name).AddColumn("what");
        table.AddColumn(new TableColumn("value").RightAligned()).AddColumn("unit");
        table.AddColumn(new TableColumn("peer").RightAligned()).AddColumn("peer's name");
        table.AddColumn(new TableColumn("value / peer").RightAligned());
        foreach (var row in _rows)
        {
            table.AddRow(
                Markup.Escape(row.Name),
                Number(row.Value),
                Markup.Escape(row.Unit),
                row.Peer is { } peer ? Number(peer) : "",
                Markup.Escape(row.PeerName ?? ""),
                row.Ratio is { } ratio ? Number(ratio) : ""
            );
        }
        AnsiConsole.Write(table);
    }

    BenchDocument Document() =>
        new(
            name,
            DateTimeOffset.UtcNow,
            Commit(),
            new BenchMachine(
                Processor(),
                Environment.ProcessorCount,
                GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                RuntimeInformation.OSDescription,
                RuntimeInformation.FrameworkDescription
            ),
            _rows
        );

    static string Number(double value) =>
        Math.Abs(value) switch
        {
            >= 100 => value.ToString("F0", CultureInfo.InvariantCulture),
            >= 1 => value.ToString("F2", CultureInfo.InvariantCulture),
            _ => value.ToString("G3", CultureInfo.InvariantCulture),
        };

    static string Processor()
    {
        const string key = "model name";
        var line = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo")
                .FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))
            : null;
        return line is null
            ? RuntimeInformation.ProcessArchitecture.ToString()
            : line[(line.IndexOf(':') + 1)..].Trim();
    }

    /// <summary>The commit the benchmark was built from: the SDK writes it into the version, after "+".</summary>
    static string Commit()
    {
        var version =
            typeof(BenchTable).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        return version?.InformationalVersion.Split('+') is [_, var commit] ? commit : "unknown";
    }

    public static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Platform.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? Environment.CurrentDirectory;
    }

    sealed record BenchRow(
        string Name,
        double Value,
        string Unit,
        double? Peer,
        string? PeerName,
        double? Ratio
    );

    sealed record BenchMachine(
        string Processor,
        int Cores,
        long MemoryBytes,
        string System,
        string Runtime
    );

    sealed record BenchDocument(
        string Name,
        DateTimeOffset Date,
        string Commit,
        BenchMachine Machine,
        IReadOnlyList<BenchRow> Rows
    );
}
