using System.Text.Json;
using MassTransit;
using Platform.Contracts;
using Platform.Contracts.Grpc;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Ingest;
using Platform.Results;
using Spectre.Console;

namespace Platform.Standalone;

/// <summary>
/// <c>analyse SCAN</c>: the whole pipeline in this process, on one scan, with live progress; leaves labels.nii.gz, report.json and
/// preview.png. A scan that was analysed before is answered from the store.
/// </summary>
public static class AnalyseCommand
{
    /// <summary>Exit codes, for scripts.</summary>
    public const int Analysed = 0,
        Usage = 1,
        Rejected = 2,
        Failed = 3;

    /// <summary>Runs it.</summary>
    public static async Task<int> RunAsync(
        string scan,
        DirectoryInfo output,
        string? store,
        IReadOnlyList<string> models,
        CancellationToken cancellationToken
    )
    {
        var files = ScanSource.Files(scan);
        var local = new LocalStore(store);
        var settings = local.Settings();
        settings["Http:Port"] = settings["Http:GrpcPort"] = "0";
        settings["Results:ReconcileEvery"] = "1.00:00:00"; // Other studies of this store are not this command's business.
        settings["Logging:LogLevel:Default"] = "Warning";
        await using var app = StandaloneHost.Build([], settings);
        await app.StartAsync(cancellationToken);
        // A study answered from the store would otherwise end the process while the bus is still starting.
        await app
            .Services.GetRequiredService<IBusControl>()
            .WaitForHealthStatus(BusHealthStatus.Healthy, cancellationToken);
        try
        {
            var services = app.Services;
            var study = await SubmitAsync(
                services.GetRequiredService<StudyIntake>(),
                files,
                models,
                cancellationToken
            );
            var last = await FollowAsync(
                services.GetRequiredService<StudyWatcher>(),
                study,
                cancellationToken
            );
            if (last.Stage == "failed")
            {
                AnsiConsole.MarkupLineInterpolated(
                    $"[red]failed[/]: {last.Detail}. Run the same command again to try once more."
                );
                return Failed;
            }
            var blobs = services.GetRequiredService<IBlobStore>();
            var report = await blobs.ReadJsonAsync<StudyReport>(
                BlobNames.Report(study),
                cancellationToken
            );
            output.Create();
            await File.WriteAllTextAsync(
                Path.Combine(output.FullName, "report.json"),
                JsonSerializer.Serialize(report, PlatformJson.Options),
                cancellationToken
            );
            if (report.Outcome == StudyOutcome.Rejected)
            {
                AnsiConsole.MarkupLineInterpolated(
                    $"[red]rejected[/] ({report.Reason}): {report.Detail}"
                );
                return Rejected;
            }
            await WriteOutputsAsync(services, report, output, cancellationToken);
            ReportTable.Print(report, AnsiConsole.Console);
            AnsiConsole.MarkupLineInterpolated($"[grey]{output.FullName}[/]");
            return Analysed;
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
    }

    private static async Task<StudyContext> SubmitAsync(
        StudyIntake intake,
        IReadOnlyList<FileInfo> files,
        IReadOnlyList<string> models,
        CancellationToken cancellationToken
    )
    {
        using var upload = intake.OpenUpload(LocalStore.Tenant);
        foreach (var file in files)
        {
            await using var content = file.OpenRead();
            await upload.AddFileAsync(content, cancellationToken);
        }
        var submission = new StudySubmission
        {
            Tenant = LocalStore.Tenant,
            Source = "cli",
            Models = models,
        };
        try
        {
            return (await intake.SubmitAsync(submission, upload, cancellationToken)).Study;
        }
        catch (SubmissionRefusedException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Prints a line a stage as it is reached, and returns the terminal one.</summary>
    private static async Task<StudyProgress> FollowAsync(
        StudyWatcher watcher,
        StudyContext study,
        CancellationToken cancellationToken
    )
    {
        StudyProgress? last = null;
        await AnsiConsole
            .Status()
            .StartAsync(
                "received",
                async status =>
                {
                    await foreach (
                        var progress in watcher.WatchAsync(
                            study.Tenant,
                            study.StudyId,
                            study.Revision,
                            cancellationToken
                        )
                    )
                    {
                        last = progress;
                        var at = DateTimeOffset.UnixEpoch.AddSeconds(progress.Time).ToLocalTime();
                        AnsiConsole.MarkupLineInterpolated(
                            $"[grey]{at:HH:mm:ss}[/] {progress.Stage} {progress.Series} {progress.Model}"
                        );
                        status.Status($"after {progress.Stage}: {Next(progress.Stage)}");
                    }
                }
            );
        return last!;
    }

    private static string Next(string stage) =>
        stage switch
        {
            "received" => "reading the scan",
            "planned" => "running the models",
            "super-resolved" => "segmenting the super-resolved volume",
            "segmented" => "predicting the quality from references",
            _ => "writing the report",
        };

    /// <summary>labels.nii.gz and preview.png of the first segmentation; further outputs by model and series.</summary>
    private static async Task WriteOutputsAsync(
        IServiceProvider services,
        StudyReport report,
        DirectoryInfo output,
        CancellationToken cancellationToken
    )
    {
        var volumes = services.GetRequiredService<VolumeStore>();
        var blobs = services.GetRequiredService<IBlobStore>();
        var first = true;
        foreach (var made in report.Outputs.Where(o => o.Plan.NotApplicable is null))
        {
            var series = report.Series.Single(s => s.Series == BaseSeries(made.Plan.Series));
            var prefix =
                first && made.Plan.Kind == OutputKind.Segmentation
                    ? ""
                    : $"{made.Plan.Model}.{made.Plan.Series}.";
            if (made.Plan.NotForDiagnosis)
            {
                prefix += "not-for-diagnosis.";
            }
            if (made.Plan.Kind == OutputKind.SuperResolution)
            {
                await WriteAsync<float>("volume", made.Plan.Output);
                var uncertainty = BlobNames.Uncertainty(
                    report.Study,
                    made.Plan.Model,
                    made.Plan.Series
                );
                if (await blobs.ExistsAsync(uncertainty, cancellationToken))
                {
                    await WriteAsync<float>("uncertainty", uncertainty);
                }
                continue;
            }
            first = false;
            await WriteAsync<byte>("labels", made.Plan.Output);
            var labels = await volumes.ReadFirstAsync<byte>(made.Plan.Output, cancellationToken);
            var image = await volumes.ReadFirstAsync<float>(made.Plan.Input, cancellationToken);
            await File.WriteAllBytesAsync(
                Path.Combine(output.FullName, $"{prefix}preview.png"),
                LabelPreview.Render(image, labels),
                cancellationToken
            );

            // As it was received; of a time series frame by frame.
            async Task WriteAsync<T>(string what, string blob)
                where T : unmanaged
            {
                using var file = File.Create(
                    Path.Combine(output.FullName, $"{prefix}{what}.nii.gz")
                );
                using var writer = new NiftiFrameWriter<T>(
                    file,
                    series.Frames,
                    series.FrameIntervalMs,
                    NiftiCompression.Gzip
                );
                await foreach (var frame in volumes.ReadFramesAsync<T>(blob, cancellationToken))
                {
                    writer.Write(Orienter.ToOrientation(frame, series.ReceivedOrientation));
                }
                writer.Complete();
            }
        }
    }

    private static string BaseSeries(string series) =>
        series.EndsWith("-sr", StringComparison.Ordinal) ? series[..^3] : series;
}
