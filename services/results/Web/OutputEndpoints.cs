using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// What the models made, for download: turned back to the orientation in which the image was received, so that it lies over it
/// voxel for voxel. Only of revisions that have a report: nothing leaves without its verdict.
/// </summary>
internal static class OutputEndpoints
{
    internal const string NotForDiagnosis = "X-Not-For-Diagnosis";
    private const int BufferBytes = 1 << 16;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var study = routes.MapGroup("/api/studies/{studyId}");
        study.MapGet("/outputs/{model}/{series}/labels.nii.gz", LabelsAsync);
        study.MapGet("/outputs/{model}/{series}/volume.nii.gz", VolumeAsync);
        study.MapGet("/outputs/{model}/{series}/uncertainty.nii.gz", UncertaintyAsync);
        study.MapGet("/outputs/{model}/{series}/quality.dcm", QualityAsync);
        study.MapGet("/outputs/{model}/{series}/segmentation.dcm", SegmentationAsync);
        study.MapGet("/preview.png", PreviewAsync);
    }

    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> LabelsAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    ) =>
        await request.FindAsync(OutputKind.Segmentation) is not { } found
            ? UnknownOutput()
            : Download(
                request.Http,
                found,
                "labels",
                await volumes.ReadOutputAsync<byte>(
                    found.Output,
                    found.Received,
                    request.Cancellation
                )
            );

    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> VolumeAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    ) =>
        await request.FindAsync(OutputKind.SuperResolution) is not { } found
            ? UnknownOutput()
            : Download(
                request.Http,
                found,
                "volume",
                await volumes.ReadOutputAsync<float>(
                    found.Output,
                    found.Received,
                    request.Cancellation
                )
            );

    /// <summary>How far off a super-resolution model expects each voxel of its volume to be; 404 where it does not say.</summary>
    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> UncertaintyAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    )
    {
        if (await request.FindAsync(OutputKind.SuperResolution) is not { } found)
        {
            return UnknownOutput();
        }
        var (study, planned) = (found.Report.Study, found.Output);
        var map = planned with
        {
            Output = BlobNames.Uncertainty(study, planned.Model, planned.Series),
        };
        return !await request.Blobs.ExistsAsync(map.Output, request.Cancellation)
            ? UnknownOutput()
            : Download(
                request.Http,
                found,
                "uncertainty",
                await volumes.ReadOutputAsync<float>(map, found.Received, request.Cancellation)
            );
    }

    /// <summary>The predicted quality of one segmentation as a DICOM structured report.</summary>
    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> QualityAsync(
        [AsParameters] OutputRequest request,
        ResultCatalog catalog
    )
    {
        if (
            await request.FindAsync(OutputKind.Segmentation) is not { } found
            || found.Quality is not { } quality
        )
        {
            return UnknownOutput();
        }
        return Download(
            request.Http,
            found,
            "quality",
            QualityStructuredReport.Of(
                found.Report,
                quality,
                await SourceAsync(found, catalog, request.Cancellation)
            )
        );
    }

    /// <summary>One segmentation as a DICOM segmentation image; 409 where DICOM cannot say it.</summary>
    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> SegmentationAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes,
        ResultCatalog catalog
    )
    {
        if (
            await request.FindAsync(OutputKind.Segmentation)
            is not { Quality.Structures.Count: > 0, Reported.Provenance: not null } found
        )
        {
            return UnknownOutput();
        }
        var labels = await volumes.ReadOutputAsync<byte>(
            found.Output,
            found.Received,
            request.Cancellation
        );
        var source = await SourceAsync(found, catalog, request.Cancellation);
        try
        {
            var image = await Task.Run(
                () => SegmentationImage.Of(found.Report, found.Reported, labels, source),
                request.Cancellation
            );
            return Download(request.Http, found, "segmentation", image);
        }
        catch (VolumeException e)
        {
            return TypedResults.Problem(
                title: "no DICOM segmentation",
                detail: $"{e.Message}. Download labels.nii.gz instead.",
                statusCode: StatusCodes.Status409Conflict
            );
        }
    }

    /// <summary>Three planes of one segmentation over its image, of a time series of its first frame: the one asked for, or the first of the native images.</summary>
    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> PreviewAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    )
    {
        if (await request.FindAsync(OutputKind.Segmentation) is not { } found)
        {
            return UnknownOutput();
        }
        var image = await volumes.ReadFirstAsync<float>(found.Output.Input, request.Cancellation);
        var labels = await volumes.ReadFirstAsync<byte>(found.Output.Output, request.Cancellation);
        Mark(request.Http, found.Output);
        var png = await Task.Run(() => LabelPreview.Render(image, labels), request.Cancellation);
        return TypedResults.Bytes(png, "image/png");
    }

    private static PushStreamHttpResult Download<T>(
        HttpContext http,
        FoundOutput found,
        string what,
        IEnumerable<Volume<T>> frames
    )
        where T : unmanaged =>
        Download(
            http,
            found,
            what,
            ".nii.gz",
            "application/gzip",
            body =>
                NiftiWriter.Write(
                    body,
                    frames,
                    found.Received.Frames,
                    found.Received.FrameIntervalMs,
                    NiftiCompression.Gzip
                )
        );

    private static PushStreamHttpResult Download(
        HttpContext http,
        FoundOutput found,
        string what,
        DicomDataset dataset
    ) => Download(http, found, what, ".dcm", "application/dicom", dataset.WriteFile);

    private static PushStreamHttpResult Download(
        HttpContext http,
        FoundOutput found,
        string what,
        string extension,
        string type,
        Action<Stream> write
    )
    {
        Mark(http, found.Output);
        // The writers are synchronous: they run on a thread of their own, and the response takes what they write as it comes.
        http.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
        return TypedResults.Stream(
            body =>
                Task.Run(
                    () =>
                    {
                        using var buffered = new BufferedStream(body, BufferBytes);
                        write(buffered);
                    },
                    http.RequestAborted
                ),
            type,
            Name(found.Output, what, extension)
        );
    }

    private static string Name(PlannedOutput output, string what, string extension) =>
        $"{output.Series}-{output.Model}-{what}{(output.NotForDiagnosis ? "-not-for-diagnosis" : "")}{extension}";

    private static void Mark(HttpContext http, PlannedOutput output)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (output.NotForDiagnosis)
        {
            http.Response.Headers[NotForDiagnosis] = "true";
        }
    }

    /// <summary>Names nobody: identities go to the hospital's gateway alone, by DICOMweb.</summary>
    private static async Task<ResultSource> SourceAsync(
        FoundOutput found,
        ResultCatalog catalog,
        CancellationToken cancellationToken
    ) =>
        new(
            await catalog.InstancesAsync(
                found.Report.Study,
                found.Output.ReceivedSeries,
                cancellationToken
            ),
            null
        );

    private static ProblemHttpResult UnknownOutput() =>
        TypedResults.Problem(
            title: "unknown output",
            detail: "The report of your hospital's study lists no such output, or there is no report yet.",
            statusCode: StatusCodes.Status404NotFound
        );
}

/// <summary>An output of a study that has a report.</summary>
/// <param name="Report">The study's report.</param>
/// <param name="Reported">The output in it.</param>
/// <param name="Received">The received series it was made of.</param>
internal sealed record FoundOutput(
    StudyReport Report,
    ReportedOutput Reported,
    PlannedSeries Received
)
{
    /// <summary>The output as planned.</summary>
    public PlannedOutput Output => Reported.Plan;

    /// <summary>Its predicted quality, for a segmentation.</summary>
    public SegmentationQuality? Quality => Reported.Quality;
}

/// <summary>Which output of which study; model and series may be left out for a preview.</summary>
internal sealed record OutputRequest(
    string StudyId,
    string? Model,
    string? Series,
    int? Revision,
    ClaimsPrincipal User,
    IBlobStore Blobs,
    HttpContext Http,
    CancellationToken Cancellation
)
{
    /// <summary>The output, or null.</summary>
    public async Task<FoundOutput?> FindAsync(OutputKind kind)
    {
        if (
            await StudyLookup.FindAsync(Blobs, User.Tenant(), StudyId, Revision ?? 0, Cancellation)
                is not { } study
            || await Blobs.FindJsonAsync<StudyReport>(BlobNames.Report(study), Cancellation)
                is not { } report
        )
        {
            return null;
        }
        var planned = report
            .Outputs.Select(o => o.Plan)
            .Where(o => o.NotApplicable is null)
            .ToList();
        var output = planned
            .Where(o =>
                o.Kind == kind
                && (Model is null || o.Model == Model)
                && (Series is null || o.Series == Series)
            )
            .OrderBy(o => o.NotForDiagnosis)
            .FirstOrDefault();
        if (output is null)
        {
            return null;
        }
        // A super-resolved volume's labels belong to the series it was made of.
        var origin = output;
        while (planned.Find(o => o.Output == origin.Input) is { } source)
        {
            origin = source;
        }
        var series = report.Series.First(s => s.Series == origin.Series);
        return new(report, report.Outputs.First(o => o.Plan == output), series);
    }
}
