using System.Diagnostics;
using Platform.Dicom;
using Platform.Imaging;

namespace Platform.Benchmarks;

/// <summary>
/// Series on disk to uncompressed NIfTI files on disk, beside dcm2niix, in turn. Everything is in the page cache. Ours counts listing the folder, opening,
/// reading every volume and writing its file, in a process that is warm; dcm2niix counts the same as a process (<c>-z n -b n</c>, no sidecar), and once
/// more without the time it takes over an empty folder.
/// </summary>
sealed class DicomConversion(BenchTable table, string work)
{
    const string Dcm2niix = "dcm2niix";

    // At least so many runs of each, and more while they are short.
    const int Repeats = 5;
    const double ShortMs = 2000;

    static readonly string[] Folders =
    [
        "dicom/vendor-series",
        "dicom/enhanced",
        "dicom/t1-jpeg-ll",
        "cardiac-cine",
    ];

    readonly string? _version = Tool.Try(Dcm2niix, "-v")
        ?.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)[^1];

    double _startMs;

    /// <summary>Every series below PLATFORM_DATA, where it is set, and two generated ones of CT size.</summary>
    public void Run()
    {
        if (_version is null)
        {
            Console.WriteLine("dcm2niix is not installed: series are timed without it");
        }
        else
        {
            var empty = Directory.CreateDirectory(Path.Combine(work, "empty")).FullName;
            _startMs = Median(Enumerable.Range(0, 9).Select(_ => Theirs(empty).Ms));
            table.Add($"dcm2niix {_version}, over an empty folder", _startMs, "ms");
        }
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is { Length: > 0 } data)
        {
            foreach (var (name, folder) in Series(data))
            {
                Compare(name, folder);
            }
        }
        else
        {
            Console.WriteLine("PLATFORM_DATA is not set: generated series only");
        }
        foreach (var slices in new[] { 300, 600 })
        {
            var phantom = DicomPhantom.Ct();
            var folder = Directory.CreateDirectory(Path.Combine(work, $"ct{slices}")).FullName;
            foreach (var (n, instance) in phantom.Series(slices).Index())
            {
                using var file = File.Create(Path.Combine(folder, $"{n}.dcm"));
                instance.WriteTo(file);
            }
            Compare($"generated, {slices} × {phantom.Name}", folder);
        }
    }

    void Compare(string name, string folder)
    {
        List<double> ours = [];
        List<double> theirs = [];
        var started = Stopwatch.GetTimestamp();
        try
        {
            Ours(folder);
            while (
                ours.Count < Repeats
                || Stopwatch.GetElapsedTime(started).TotalMilliseconds < ShortMs
            )
            {
                ours.Add(Ours(folder));
                if (_version is not null && Theirs(folder) is { Files: > 0 } run)
                {
                    theirs.Add(run.Ms);
                }
            }
        }
        catch (VolumeException e)
        {
            Console.WriteLine($"{name}: refused ({e.Fault}): {e.Message}");
            return;
        }
        if (theirs.Count == 0)
        {
            name += _version is null ? "" : ": dcm2niix writes no volume";
            table.Add(name, Median(ours), "ms");
            return;
        }
        var whole = Median(theirs);
        table.Add(name, Median(ours), "ms", whole, $"dcm2niix {_version}");
        table.Add(name, Median(ours), "ms", whole - _startMs, "the same, less its start");
    }

    double Ours(string folder)
    {
        var output = Directory.CreateDirectory(Path.Combine(work, "ours")).FullName;
        var started = Stopwatch.GetTimestamp();
        var volumes = DicomSeries.Open(
            Directory
                .EnumerateFiles(folder)
                .Select(path => (Func<Stream>)(() => File.OpenRead(path)))
        );
        foreach (var (n, volume) in volumes.Index())
        {
            for (var frame = 0; frame < volume.Frames; frame++)
            {
                using var file = File.Create(Path.Combine(output, $"{n}-{frame}.nii"));
                NiftiWriter.Write(file, volume.Read(frame), NiftiCompression.None);
            }
        }
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        Directory.Delete(output, recursive: true);
        return elapsed;
    }

    (double Ms, int Files) Theirs(string folder)
    {
        var output = Directory.CreateDirectory(Path.Combine(work, "theirs")).FullName;
        var started = Stopwatch.GetTimestamp();
        Tool.Try(Dcm2niix, "-z", "n", "-b", "n", "-f", "%s", "-o", output, folder);
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var files = Directory.GetFiles(output, "*.nii").Length;
        Directory.Delete(output, recursive: true);
        return (elapsed, files);
    }

    /// <summary>The series below the data, each copied into a folder of its own, since a folder may hold several.</summary>
    List<(string Name, string Folder)> Series(string data)
    {
        List<(string, string)> found = [];
        var folders = Folders
            .Select(folder => Path.Combine(data, folder))
            .Where(Directory.Exists)
            .SelectMany(root =>
                Directory
                    .GetDirectories(root, "*", SearchOption.AllDirectories)
                    .Append(root)
                    .Order(StringComparer.Ordinal)
            );
        foreach (var folder in folders)
        {
            var series = Directory
                .GetFiles(folder)
                .Select(path => (Path: path, Uid: SeriesUid(path)))
                .Where(file => file.Uid is not null)
                .GroupBy(file => file.Uid)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .ToArray();
            foreach (var (n, files) in series.Index())
            {
                var copy = Directory.CreateDirectory(Path.Combine(work, $"{found.Count}")).FullName;
                foreach (var (path, _) in files)
                {
                    File.Copy(path, Path.Combine(copy, Path.GetFileName(path)));
                }
                var name = Path.GetRelativePath(data, folder);
                name += series.Length > 1 ? $", series {n + 1}" : "";
                found.Add(($"{name} ({files.Count()} files)", copy));
            }
        }
        return found;
    }

    static string? SeriesUid(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> head = stackalloc byte[DicomFile.SniffBytes];
        head = head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        file.Position = 0;
        return DicomFile.Sniff(head) ? DicomFile.ReadIdentity(file).SeriesInstanceUid : null;
    }

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
