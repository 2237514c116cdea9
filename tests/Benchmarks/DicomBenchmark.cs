using System.Diagnostics;

namespace Platform.Benchmarks;

/// <summary>
/// `bench dicom`: STOW-RS into ingest beside Orthanc, and series to volumes beside dcm2niix, in one run on one machine. Both stores get the same
/// instances from the same client in turn, and answer once what they were sent is flushed to the disk; ingest de-identifies it on the way, Orthanc does not.
/// Rates are medians of several rounds, each a study of its own.
/// </summary>
static class DicomBenchmark
{
    const int Rounds = 3;
    const int Instances = 400;
    const int StudySlices = 600;

    public static int Run()
    {
        var table = new BenchTable("dicom");
        var orthanc = DicomServer.OrthancVersion();
        if (orthanc is null)
        {
            Console.WriteLine("Orthanc with DICOMweb is not installed: ingest is measured alone");
        }
        Store(table, orthanc);
        StoreStudy(table, orthanc);
        var work = Directory.CreateTempSubdirectory("bench-dicom-").FullName;
        try
        {
            new DicomConversion(table, work).Run();
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
        return table.Finish();
    }

    static void Store(BenchTable table, string? orthanc)
    {
        using var ours = DicomServer.StartIngest();
        using var theirs = orthanc is null ? null : DicomServer.StartOrthanc();
        foreach (var phantom in new[] { DicomPhantom.Ct(), DicomPhantom.Mr() })
        {
            Rate(ours, phantom, 50, 1);
            if (theirs is not null)
            {
                Rate(theirs, phantom, 50, 1);
            }
            foreach (var together in new[] { 1, 50 })
            {
                foreach (var atOnce in new[] { 1, 4 })
                {
                    var rates = Enumerable
                        .Range(0, Rounds)
                        .Select(_ =>
                            (
                                Ours: Rate(ours, phantom, together, atOnce),
                                Theirs: theirs is null ? 0 : Rate(theirs, phantom, together, atOnce)
                            )
                        )
                        .ToArray();
                    table.Add(
                        $"STOW-RS {phantom.Name}, {together} to a request, {atOnce} requests at once",
                        Median(rates.Select(rate => rate.Ours)),
                        "instances/s",
                        theirs is null ? null : Median(rates.Select(rate => rate.Theirs)),
                        orthanc
                    );
                    if (theirs is not null)
                    {
                        var ratios = rates
                            .Select(rate => rate.Ours / rate.Theirs)
                            .Order()
                            .ToArray();
                        Console.WriteLine(
                            $"{phantom.Name}, {together} to a request, {atOnce} at once: ratios of the rounds {ratios[0]:F2} to {ratios[^1]:F2}"
                        );
                    }
                }
            }
        }
        table.Add(
            "peak memory after these",
            ours.PeakMegabytes,
            "MB",
            theirs?.PeakMegabytes,
            orthanc
        );
    }

    static void StoreStudy(BenchTable table, string? orthanc)
    {
        using var ours = DicomServer.StartIngest();
        using var theirs = orthanc is null ? null : DicomServer.StartOrthanc();
        var study = DicomPhantom.Ct();
        var row = $"{StudySlices} × {study.Name} in one request";
        var rate = Rate(ours, study, StudySlices, 1, StudySlices);
        double? theirRate = theirs is null
            ? null
            : Rate(theirs, study, StudySlices, 1, StudySlices);
        table.Add(row, rate, "instances/s", theirRate, orthanc);
        table.Add(
            $"{row}, peak memory from the start",
            ours.PeakMegabytes,
            "MB",
            theirs?.PeakMegabytes,
            orthanc
        );
    }

    /// <summary>Instances a second, of a new series.</summary>
    static double Rate(
        DicomServer server,
        DicomPhantom phantom,
        int together,
        int atOnce,
        int instances = Instances
    )
    {
        var series = phantom.Series(instances);
        var started = Stopwatch.GetTimestamp();
        server.Sender.SendAsync(series, together, atOnce).GetAwaiter().GetResult();
        return instances / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
